"""We went to see them: records, people, attachments, sign-off."""
