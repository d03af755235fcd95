-- Presence rings the rooms' bells and is never stored.

create or replace function pgcanvas.ring(p_room_ids bigint[], p_payloads text[])
  returns void language plpgsql volatile security definer set search_path = pgcanvas, pg_catalog, pg_temp as $$
begin
  perform pg_notify(r.channel, u.payload)
    from unnest(p_room_ids, p_payloads) with ordinality as u (room_id, payload, n) join rooms r on r.id = u.room_id
    where octet_length(u.payload) <= 7999  -- beyond it NOTIFY refuses, and would take the other rooms' along
    order by u.n;
end $$;
comment on function pgcanvas.ring is
  'Sends each payload to the channel of its room, all rooms in one statement; leaves out rooms that are gone and payloads over 7,999 '
  'bytes.';
