-- Snapshots are written after the fact, out of the log, so that nobody who draws waits for one: what is locked is the room's tally, never
-- the room (even a share of its row would make each change of it ten times as dear), and old versions of rows are kept for about a second.

create or replace function pgcanvas.snapshot_spacing()
  returns bigint language sql immutable parallel safe
return 5000;
comment on function pgcanvas.snapshot_spacing is
  'Changes between two snapshots, at least; more where the board has more shapes, so that snapshots grow with the log and no faster.';

create or replace function pgcanvas.upkeep_lock(p_what text)
  returns bigint language sql immutable parallel safe
return hashtextextended('pgcanvas ' || p_what, 0);
comment on function pgcanvas.upkeep_lock is
  'The advisory lock of whoever does something for all rooms. (Of a room, its row of log_tallies is locked: advisory locks of very '
  'many rooms would not fit in the server''s memory for locks.)';

create or replace function pgcanvas.write_snapshot(p_room_id bigint, p_seq bigint, p_changes bigint)
  returns void language plpgsql volatile set search_path = pgcanvas, pg_catalog, pg_temp as $$
declare
  v_shapes bigint;
begin
  if exists (select from snapshots s where s.room_id = p_room_id and s.seq = p_seq) then return; end if;
  insert into snapshot_shapes (room_id, seq, shape_id, shape)
    select p_room_id, p_seq, s.shape_id, s.shape::json from shapes_at(p_room_id, p_seq, null, '', null) as s;
  get diagnostics v_shapes = row_count;
  insert into snapshots (room_id, seq, shapes, changes, at)
    select p_room_id, p_seq, v_shapes, p_changes,
           (select c.at from shape_changes c where c.room_id = p_room_id and c.seq = p_seq limit 1);
end $$;
comment on function pgcanvas.write_snapshot is 'Keeps the board of a batch that is in the log whole, unless it is kept already.';

create or replace function pgcanvas.changes_by(p_room_id bigint, p_seq bigint)
  returns bigint language plpgsql stable set search_path = pgcanvas, pg_catalog, pg_temp as $$
declare
  v_seq bigint;
  v_changes bigint;
begin
  select s.seq, s.changes into v_seq, v_changes from snapshots s where s.room_id = p_room_id and s.seq <= p_seq order by s.seq desc limit 1;
  return coalesce(v_changes, 0)
    + (select count(*) from shape_changes c where c.room_id = p_room_id and c.seq > coalesce(v_seq, 0) and c.seq <= p_seq);
end $$;
comment on function pgcanvas.changes_by is 'How many changes a room had logged by a seq, in all its life.';

create or replace function pgcanvas.tally_logs()
  returns void language sql volatile set search_path = pgcanvas, pg_catalog, pg_temp as $$
  insert into log_tallies as t (room_id, seq, changes)
  select r.id, l.seq, case when known.seq is null then changes_by(r.id, l.seq) else known.changes + (
    select count(*) from shape_changes c where c.room_id = r.id and c.seq > known.seq and c.seq <= l.seq) end
  from rooms r left join log_tallies known on known.room_id = r.id cross join lateral last_seq(r.id, r.min_since) as l (seq)
  where l.seq > coalesce(known.seq, 0)
  order by r.id  -- as who prunes takes them
  on conflict (room_id) do update set seq = excluded.seq, changes = excluded.changes
$$;
comment on function pgcanvas.tally_logs is 'Counts what was logged since it was last counted.';

create or replace function pgcanvas.next_snapshot(p_room_id bigint, p_changes bigint)
  returns bigint language plpgsql stable set search_path = pgcanvas, pg_catalog, pg_temp as $$
declare
  v_last snapshots;
  v_spacing bigint;
begin
  select * into v_last from snapshots s where s.room_id = p_room_id order by s.seq desc limit 1;
  v_spacing := greatest(snapshot_spacing(), v_last.shapes);
  if p_changes - coalesce(v_last.changes, 0) <= v_spacing then return null; end if;
  return (select c.seq from shape_changes c where c.room_id = p_room_id and c.seq > coalesce(v_last.seq, 0)
          order by c.seq, c.ordinal offset v_spacing limit 1);
end $$;
comment on function pgcanvas.next_snapshot is 'The batch after which a room of so many changes is due a snapshot; null when none is.';

create or replace function pgcanvas.write_snapshots(p_limit integer default 100)
  returns integer language plpgsql volatile security definer set search_path = pgcanvas, pg_catalog, pg_temp as $$
declare
  v_room record;
  v_seq bigint;
  v_written integer := 0;
  v_until timestamptz := clock_timestamp() + interval '1 second';
begin
  if not pg_try_advisory_xact_lock(upkeep_lock('snapshots')) then return 0; end if;  -- another node is at it
  perform tally_logs();
  for v_room in
    select t.room_id, t.changes from log_tallies t join rooms r on r.id = t.room_id
    where t.changes - coalesce((select max(s.changes) from snapshots s where s.room_id = t.room_id), 0) > snapshot_spacing()
  loop
    continue when next_snapshot(v_room.room_id, v_room.changes) is null;
    perform from log_tallies t where t.room_id = v_room.room_id for update skip locked;
    continue when not found;  -- it is being pruned, or deleted
    loop
      v_seq := next_snapshot(v_room.room_id, v_room.changes);
      exit when v_seq is null;
      if v_written >= p_limit or v_written > 0 and clock_timestamp() > v_until then return v_written; end if;
      perform write_snapshot(v_room.room_id, v_seq, changes_by(v_room.room_id, v_seq));
      v_written := v_written + 1;
    end loop;
  end loop;
  return v_written;
end $$;
comment on function pgcanvas.write_snapshots is
  'Writes the snapshots that are due, at most so many and for about a second, and says how many: 0 means that none is due, or that '
  'somebody else is at it.';

create or replace function pgcanvas.forget_history(p_room_id bigint)
  returns void language plpgsql volatile set search_path = pgcanvas, pg_catalog, pg_temp as $$
begin
  delete from snapshot_shapes where room_id = p_room_id;
  delete from snapshots where room_id = p_room_id;
  delete from log_tallies where room_id = p_room_id;
  delete from batch_hashes where room_id = p_room_id;
  delete from pseudonyms where room_id = p_room_id;
end $$;
comment on function pgcanvas.forget_history is 'Removes what was written beside the log of a room that went meanwhile.';
