// The order of a day's firms, without signal and without a map: as crm/visits/route.py does it. Up to nine stops the shortest way,
// more from the nearest each time and from the order given, untangled. Firms nobody can place come last, beside others of their place.
(() => {
  "use strict";
  const EXACT = 9, GAIN = 1e-6, { metres } = window.qijie;
  function exact(d, n) { // d[0] is where one stands; the shortest way through 1…n, built from its end
    const full = (1 << n) - 1, cost = [], next = [];
    for (let set = 1; set <= full; set++) {
      cost[set] = []; next[set] = [];
      for (let i = 0; i < n; i++) {
        if (!(set >> i & 1)) continue;
        const rest = set ^ 1 << i;
        let best = rest ? Infinity : 0, then = -1;
        for (let j = 0; j < n; j++) if (rest >> j & 1 && d[i + 1][j + 1] + cost[rest][j] < best) { best = d[i + 1][j + 1] + cost[rest][j]; then = j; }
        cost[set][i] = best; next[set][i] = then;
      }
    }
    let at = -1, set = full;
    for (let i = 0; i < n; i++) if (at < 0 || d[0][i + 1] + cost[full][i] < d[0][at + 1] + cost[full][at]) at = i;
    const way = [];
    while (at >= 0) { way.push(at + 1); const then = next[set][at]; set ^= 1 << at; at = then; }
    return way;
  }
  function nearest(d, n) {
    const left = Array.from({ length: n }, (_, i) => i + 1), way = [];
    for (let at = 0; left.length;) { at = left.reduce((a, b) => d[at][b] < d[at][a] ? b : a); left.splice(left.indexOf(at), 1); way.push(at); }
    return way;
  }
  const long = (d, way) => way.reduce((sum, stop, i) => sum + d[i ? way[i - 1] : 0][stop], 0);
  function untangled(d, way) {
    for (let helped = true; helped;) {
      helped = false;
      for (let i = 0; i < way.length; i++) for (let j = i + 1; j < way.length; j++) {
        const before = i ? way[i - 1] : 0, after = way[j + 1];
        const saved = d[before][way[i]] - d[before][way[j]] + (after ? d[way[j]][after] - d[way[i]][after] : 0);
        if (saved > GAIN) { way.splice(i, j - i + 1, ...way.slice(i, j + 1).reverse()); helped = true; }
      }
    }
    return way;
  }
  // stops: [{lat, lon, place}], start: {latitude, longitude} or null -> [[index, metres from the stop before or null]]
  function route(stops, start = null) {
    const all = stops.map((s, i) => ({ ...s, i })), placed = all.filter(s => s.lat != null && s.lon != null);
    const rest = all.filter(s => s.lat == null || s.lon == null).sort((a, b) => !a.place - !b.place || (a.place || "").localeCompare(b.place || "") || a.i - b.i);
    const first = start ? [] : placed.splice(0, 1), origin = start ? { lat: start.latitude, lon: start.longitude } : first[0];
    const points = origin ? [origin, ...placed] : [], d = points.map(a => points.map(b => metres(a.lat, a.lon, b.lat, b.lon))), n = placed.length;
    let way = [];
    if (n && n <= EXACT) way = exact(d, n);
    else if (n) way = [nearest(d, n), placed.map((_, i) => i + 1)].map(w => untangled(d, w)).sort((a, b) => long(d, a) - long(d, b))[0];
    return [...first.map(s => [s.i, null]), ...way.map((k, j) => [points[k].i, d[j ? way[j - 1] : 0][k]]), ...rest.map(s => [s.i, null])];
  }
  window.qijie.route = route;
})();
