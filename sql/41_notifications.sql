-- What a room's channel is told: "c <from> <to>", with the batches when they fit. Sent at commit.

create or replace function pgcanvas.bell(p_from bigint, p_to bigint, p_lines text)
  returns text language sql stable parallel safe
return concat('c ', p_from, ' ', p_to, p_lines);
comment on function pgcanvas.bell is
  'What a room''s bell says: "c <from> <to>", then a line per batch, each after a newline, when it carries them.';

create or replace function pgcanvas.ring_room(p_channel text, p_from bigint, p_to bigint, p_batches text)
  returns boolean language sql volatile
return pg_notify(p_channel, pgcanvas.bell(p_from, p_to, case when octet_length(p_batches) + length(concat(p_from, p_to)) < 7997
  then p_batches end)) is not null;
comment on function pgcanvas.ring_room is 'Rings a room''s bell, with its batches when they fit: NOTIFY refuses more than 7,999 bytes.';

create or replace function pgcanvas.ring_in_parts(p_channel text, p_from bigint, p_to bigint, p_lines text)
  returns boolean language plpgsql volatile as $$
declare
  v_from bigint := p_from;
  v_to bigint := p_from;
  v_part text := '';
  v_line text;
  v_rung boolean;
begin
  -- More than a few notices can carry is fetched: whoever listens, to whatever room, would have to read past it.
  if octet_length(p_lines) not between 7950 and 4 * 7949 then return pgcanvas.ring_room(p_channel, p_from, p_to, p_lines); end if;
  foreach v_line in array string_to_array(substr(p_lines, 2), E'\n') loop
    if v_to > v_from and octet_length(v_part) + octet_length(v_line) >= 7949 then
      v_rung := pgcanvas.ring_room(p_channel, v_from, v_to, v_part);
      v_from := v_to;
      v_part := '';
    end if;
    v_part := v_part || E'\n' || v_line;
    v_to := v_to + 1;
  end loop;
  return pgcanvas.ring_room(p_channel, v_from, v_to, v_part);
end $$;
comment on function pgcanvas.ring_in_parts is
  'Rings a room''s bell for batches that follow each other, one per line and seq, as often as it takes for them to ride along: '
  'fetching them costs a busy node more.';
