// Before first paint: the person's own choice of light or dark, else the system's.
try { const t = localStorage.getItem("theme"); if (t) document.documentElement.dataset.theme = t; } catch { /* private mode */ }
