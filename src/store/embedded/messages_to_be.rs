//! How messages come to the form that they have from schema 8 on.
//!
//! Called by `migrations`.

/// The next ?1 messages in today's form. `json_patch` leaves out what is null.
pub(super) const MESSAGES_TO_BE: &str = "
INSERT INTO messages_to_be
SELECT num, chat, seq, born, rev, id, sender, seat, key, sent, pinned_at,
CASE kind WHEN 0 THEN coalesce(body, '') END,
nullif(json_patch('{}', json_object(
    'kind', CASE kind WHEN 1 THEN 'system' WHEN 2 THEN 'deleted' WHEN 3 THEN 'call' END,
    'attachments', json(CASE WHEN kind = 0 AND json_type(meta, '$.f') = 'array' THEN (
        SELECT json_group_array(json_patch('{}', json_object(
            'file', f.value -> 'id', 'kind', f.value -> 'kind', 'type', f.value -> 'type',
            'name', f.value -> 'name', 'size', f.value -> 'size',
            'width', f.value -> '$.dimensions[0]', 'height', f.value -> '$.dimensions[1]',
            'duration_ms', f.value -> 'duration_ms', 'thumbhash', f.value -> 'thumbhash',
            'animated', f.value -> 'animated', 'small', f.value -> 'small',
            'large', f.value -> 'large')))
        FROM json_each(m.meta, '$.f') f) END),
    'reply_to', reply_to,
    'mentions', CASE kind WHEN 0 THEN meta -> 'm' END,
    'mention_all', CASE kind WHEN 0 THEN meta -> 'all' END,
    'forwarded', json(CASE
        WHEN kind = 0 AND meta ->> 'h' THEN '{}'
        WHEN kind = 0 AND json_type(meta, '$.o') = 'array' THEN json_object(
            'author_id', meta -> '$.o[0]', 'created_at', meta -> '$.o[1]') END),
    'event', json(CASE kind WHEN 1 THEN
        json_set(json_remove(meta, '$.event'), '$.name', meta ->> 'event') END),
    'call', json(CASE kind WHEN 3 THEN meta END),
    'edited_at', edited,
    'deleted', json(CASE WHEN deleted_at IS NOT NULL THEN
        json_object('by', lower(hex(deleted_by)), 'at', deleted_at) END),
    'reactions', json(CASE WHEN reacted THEN (
        SELECT json_group_array(json_object('emoji', e.emoji, 'count', e.count, 'users', json((
            SELECT json_group_array(lower(hex(r.user))) FROM (
                SELECT user FROM reactions
                WHERE message = e.message AND emoji = e.emoji ORDER BY rev LIMIT 50) r))))
        FROM (SELECT message, emoji, count FROM emoji WHERE message = m.num ORDER BY first) e) END),
    'pinned', json(CASE WHEN pinned_at IS NOT NULL THEN
        json_object('by', lower(hex(pinned_by)), 'at', pinned_at) END))), '{}')
FROM messages m WHERE num > (SELECT coalesce(max(num), 0) FROM messages_to_be)
ORDER BY num LIMIT ?1";
