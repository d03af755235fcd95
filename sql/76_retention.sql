-- What is kept for how long.

create or replace function pgcanvas.history_cut(p_room_id bigint, p_older_than interval, p_keep_changes bigint)
  returns bigint language plpgsql stable set search_path = pgcanvas, pg_catalog, pg_temp as $$
declare
  v_cut bigint;
  v_min_since bigint;
begin
  select h.last_seq, h.min_since into v_cut, v_min_since from room_head(p_room_id) as h;
  if p_older_than is not null then
    v_cut := least(v_cut, (select c.seq - 1 from shape_changes c where c.room_id = p_room_id and c.seq > v_min_since
                             and c.at >= now() - p_older_than order by c.seq, c.ordinal limit 1));
  end if;
  if p_keep_changes > 0 then
    v_cut := least(v_cut, coalesce((select c.seq - 1 from shape_changes c where c.room_id = p_room_id
                                    order by c.seq desc, c.ordinal desc offset p_keep_changes - 1 limit 1), 0));
  end if;
  return v_cut;
end $$;
comment on function pgcanvas.history_cut is
  'The last batch that may go: older than the age, and not among the newest changes that are to be kept. What is null does not count.';

create or replace function pgcanvas.prune_room(p_room_id bigint, p_cut bigint)
  returns bigint language plpgsql volatile set search_path = pgcanvas, pg_catalog, pg_temp as $$
declare
  v_changes bigint := changes_by(p_room_id, p_cut);
  v_gone bigint;
begin
  -- The board at the cut stays: with it everything after can still be told.
  perform write_snapshot(p_room_id, p_cut, v_changes);
  insert into log_tallies as t (room_id, seq, changes) values (p_room_id, p_cut, v_changes)
    on conflict (room_id) do update set seq = excluded.seq, changes = excluded.changes where excluded.seq > t.seq;
  delete from snapshot_shapes where room_id = p_room_id and seq < p_cut;
  delete from snapshots where room_id = p_room_id and seq < p_cut;
  delete from batch_hashes where room_id = p_room_id and seq < p_cut;  -- that of the cut anchors the rest
  perform keep_logged_answers(p_room_id, p_cut);
  delete from shape_changes where room_id = p_room_id and seq <= p_cut;
  get diagnostics v_gone = row_count;
  update rooms set min_since = p_cut where id = p_room_id;  -- last, since it holds up who draws
  if not found then perform forget_history(p_room_id); end if;  -- it went meanwhile
  return v_gone;
end $$;
comment on function pgcanvas.prune_room is 'Removes whole batches up to a cut, and says how many changes went.';

create or replace function pgcanvas.prune_history(p_room text default null, p_older_than interval default null,
  p_keep_changes bigint default null, p_after bigint default 0, p_rooms integer default null)
  returns table (room_id bigint, min_since bigint, changes bigint)
  language plpgsql volatile security definer set search_path = pgcanvas, pg_catalog, pg_temp as $$
#variable_conflict use_column
declare
  v_only bigint := case when p_room is not null then known_room(p_room) end;
  v_room bigint;
  v_cut bigint;
  v_pruned integer := 0;
begin
  if p_older_than is null and p_keep_changes is null then
    raise exception 'older_than: this or keep_changes must say what may go' using errcode = 'WB001';
  elsif p_older_than < interval '0' or p_keep_changes < 0 then
    raise exception 'older_than: neither it nor keep_changes can be negative' using errcode = 'WB001';
  end if;
  for v_room in select r.id from rooms r where r.id > p_after and (v_only is null or r.id = v_only) order by r.id loop
    exit when v_pruned >= p_rooms;
    v_cut := history_cut(v_room, p_older_than, p_keep_changes);
    continue when coalesce(v_cut <= (select h.min_since from room_head(v_room) as h), true);
    insert into log_tallies (room_id, seq, changes) values (v_room, v_cut, changes_by(v_room, v_cut)) on conflict do nothing;
    perform from log_tallies t where t.room_id = v_room for update;
    continue when v_cut <= (select h.min_since from room_head(v_room) as h);  -- somebody else was quicker
    return query select v_room, v_cut, prune_room(v_room, v_cut);
    v_pruned := v_pruned + 1;
  end loop;
end $$;
comment on function pgcanvas.prune_history is
  'Forgets the oldest batches of a room, or of all (null): those older than an age and not among the newest changes to keep. Says of '
  'each room that lost some from where on it can tell now, and how many changes went. A room that was pruned is locked until the '
  'transaction ends: with p_rooms at most so many are, in the order of their numbers and after p_after, so that a call may be followed '
  'by the next.';

create or replace function pgcanvas.forget_answers(p_older_than interval)
  returns bigint language plpgsql volatile security definer set search_path = pgcanvas, pg_catalog, pg_temp as $$
declare
  v_gone bigint;
begin
  if p_older_than is null or p_older_than < interval '1 hour' then
    raise exception 'older_than: must be at least an hour, for those who come back after a while' using errcode = 'WB001';
  end if;
  if not pg_try_advisory_xact_lock(upkeep_lock('answers')) then return 0; end if;  -- another node is at it
  -- While the log has the batch, a repeat is found there: answered of its changes alone, it would have as many outcomes as those are.
  delete from applied_ops a where a.at < now() - p_older_than and not exists (select from shape_changes c
    where c.room_id = a.room_id and c.seq = a.seq and c.client = a.client and c.op_id = a.op_id);
  get diagnostics v_gone = row_count;
  -- Who was away for so long has no answers left that a number could be mistaken for.
  delete from client_keys where used_at < now() - greatest(p_older_than, interval '1 year');
  return v_gone;
end $$;
comment on function pgcanvas.forget_answers is
  'Forgets first answers of an age, and says how many, but for those of batches that the log still has. A client that repeats such a '
  'batch has it applied again. Keys of clients go after that age, and a year at least.';
