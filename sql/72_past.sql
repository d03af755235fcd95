-- A board at a point of its past: the nearest snapshot before it, and the log from there.

create or replace function pgcanvas.known_room(p_room text)
  returns bigint language plpgsql stable set search_path = pgcanvas, pg_catalog, pg_temp as $$
declare
  v_id bigint := (select d.id from room_door(p_room) as d);
begin
  if v_id is null then raise exception 'room: there is no room %', p_room using errcode = 'WB004'; end if;
  return v_id;
end $$;
comment on function pgcanvas.known_room is 'The number of a room by slug or number; WB004 when there is none.';

create or replace function pgcanvas.point_of(p_room text, p_seq bigint)
  returns bigint language plpgsql stable set search_path = pgcanvas, pg_catalog, pg_temp as $$
declare
  v_id bigint := known_room(p_room);
  v_head record;
begin
  select h.last_seq, h.min_since into v_head from room_head(v_id) as h;
  if p_seq is null or p_seq < 0 or p_seq > v_head.last_seq then
    raise exception 'seq: must be from 0 to %, where the room is', v_head.last_seq using errcode = 'WB001';
  elsif p_seq < v_head.min_since then
    raise exception 'seq: the history before % was pruned', v_head.min_since using errcode = 'WB005';
  end if;
  return v_id;
end $$;
comment on function pgcanvas.point_of is
  'The number of a room, if its history reaches that seq: WB001 for what is to come, WB005 for what was pruned.';

create or replace function pgcanvas.patched_shape(p_shape jsonb, p_set jsonb, p_unset jsonb)
  returns jsonb language plpgsql immutable parallel safe as $$
declare
  v_props jsonb;
begin
  if p_unset = '[]' and not p_set ? 'props' then return p_shape || p_set; end if;  -- nearly always
  v_props := p_shape -> 'props';
  if p_unset <> '[]' then
    p_shape := p_shape - array(select u from pg_catalog.jsonb_array_elements_text(p_unset) as u where u not like 'props.%');
    v_props := v_props - array(select substr(u, 7) from pg_catalog.jsonb_array_elements_text(p_unset) as u where u like 'props.%');
  end if;
  return p_shape || p_set || jsonb_build_object('props', v_props || coalesce(p_set -> 'props', '{}'));
end $$;
comment on function pgcanvas.patched_shape is
  'A shape after a logged patch: named properties replaced or gone, members of props one by one.';

create or replace function pgcanvas.fold_shape(p_shape jsonb, p_changes json[], p_seq bigint, p_author text, p_at timestamptz)
  returns jsonb language plpgsql stable parallel safe as $$
declare
  -- Points stay apart until the end: a stroke of thousands of appends would be copied at each.
  v_state jsonb := p_shape - 'points';
  v_points jsonb := p_shape -> 'points';
  v_tails text[];
  v_version json := null;
  v_change json;
  v_set jsonb;
begin
  foreach v_change in array p_changes loop
    if v_change ->> 'op' = 'append' then
      v_tails := v_tails || trim(both '[]' from (v_change -> 'points')::text);
    elsif v_change ->> 'op' = 'put' then
      v_state := (v_change -> 'shape')::jsonb;
      v_points := v_state -> 'points';
      v_state := v_state - 'points';
      v_tails := null;
    else
      v_set := (v_change -> 'set')::jsonb;
      if v_set ? 'points' or (v_change -> 'unset')::jsonb ? 'points' then
        v_points := v_set -> 'points';
        v_tails := null;
      end if;
      v_state := pgcanvas.patched_shape(v_state, v_set - 'points', (v_change -> 'unset')::jsonb);
    end if;
    v_version := coalesce(v_change -> 'version', v_version);
  end loop;
  if v_tails is not null then
    v_points := nullif(v_points, 'null');  -- put as an explicit null
    v_points := ('[' || concat_ws(',', nullif(substr(v_points::text, 2, length(v_points::text) - 2), ''),
      '[' || array_to_string(v_tails, '],[') || ']') || ']')::jsonb;
  end if;
  return v_state || jsonb_build_object('version', coalesce(v_version::jsonb, v_state -> 'version'), 'seq', p_seq, 'updated_by', p_author,
      'updated_at', pgcanvas.iso(p_at)) || case when v_points is null then '{}' else jsonb_build_object('points', v_points) end;
end $$;
comment on function pgcanvas.fold_shape is
  'A shape and what the log says of it since, in order; the last one''s seq, author and time. Without a shape the first change is its '
  'put.';

create or replace function pgcanvas.shapes_at(p_room_id bigint, p_seq bigint, p_ids text[], p_after text, p_limit integer)
  returns table (shape_id text, shape text)
  language plpgsql stable set search_path = pgcanvas, pg_catalog, pg_temp
  -- The plan may be made while the tables are empty, or not analyzed since they were: a loop in a loop over some ten thousand rows must
  -- not come of it.
  set enable_nestloop = off set jit = off set work_mem = '16MB' as $$
#variable_conflict use_column
declare
  v_from bigint := coalesce((select max(s.seq) from snapshots s where s.room_id = p_room_id and s.seq <= p_seq), 0);
begin
  return query
    with logged as materialized (
      select row_number() over (order by c.seq, c.ordinal) as n, c.seq, c.op, c.shape_id, c.change, c.author, c.at
      from shape_changes c
      where c.room_id = p_room_id and c.seq > v_from and c.seq <= p_seq and c.shape_id > p_after
        and (p_ids is null or c.shape_id = any (p_ids))),
    touched as materialized (
      select l.shape_id, max(l.n) as latest, coalesce(max(l.n) filter (where l.op = 'put'), 0) as born,
             coalesce(max(l.n) filter (where l.op = 'delete'), 0) as died
      from logged l group by l.shape_id),
    page as materialized (
      select * from (
        (select s.shape_id, s.shape, 0 as born, t.latest from snapshot_shapes s left join touched t on t.shape_id = s.shape_id
         where s.room_id = p_room_id and s.seq = v_from and s.shape_id > p_after and (p_ids is null or s.shape_id = any (p_ids))
           and coalesce(t.died, 0) = 0
         order by s.shape_id limit p_limit)
        union all
        (select t.shape_id, null, t.born, t.latest from touched t where t.born > t.died order by t.shape_id limit p_limit)) as living
      order by living.shape_id limit p_limit),
    told as (
      select l.shape_id, array_agg(l.change order by l.n) as changes
      from page p join logged l on l.shape_id = p.shape_id and l.n >= p.born
      group by l.shape_id)
    select p.shape_id, case when t.changes is null then p.shape::text else fold_shape(p.shape::jsonb, t.changes, l.seq, l.author,
      l.at)::text end
    from page p left join told t on t.shape_id = p.shape_id left join logged l on l.n = p.latest
    order by p.shape_id;
end $$;
comment on function pgcanvas.shapes_at is
  'Shapes as they were at a seq, by id after a given one; only the named ones, or all (null). Asks nobody whether the log reaches back '
  'that far.';

create or replace function pgcanvas.seq_at(p_room text, p_at timestamptz)
  returns bigint language plpgsql stable security definer set search_path = pgcanvas, pg_catalog, pg_temp as $$
declare
  v_id bigint := known_room(p_room);
  v_low bigint;
  v_high bigint;
  v_rising_after bigint;
  v_middle bigint;
begin
  select r.min_since, last_seq(r.id, r.min_since), r.rising_after into v_low, v_high, v_rising_after from rooms r where r.id = v_id;
  if exists (select from snapshots s where s.room_id = v_id and s.seq = v_low and s.at > p_at) then
    raise exception 'at: the history before % was pruned', v_low using errcode = 'WB005';
  end if;
  if v_low < v_rising_after and not exists (
      select from shape_changes c where c.room_id = v_id and c.seq = v_rising_after + 1 and c.at <= p_at) then
    -- Older batches have their moments in any order: a batch was there once those before it were.
    v_high := coalesce((select c.seq - 1 from shape_changes c
      where c.room_id = v_id and c.seq > v_low and c.seq <= v_rising_after and c.at > p_at order by c.seq, c.ordinal limit 1),
        v_rising_after);
    return v_high;
  end if;
  v_low := greatest(v_low, v_rising_after);
  while v_low < v_high loop  -- by halves: the log has no index on time, which every row would pay for
    v_middle := (v_low + v_high + 1) / 2;
    if (select c.at from shape_changes c where c.room_id = v_id and c.seq = v_middle limit 1) <= p_at then
      v_low := v_middle;
    else
      v_high := v_middle - 1;
    end if;
  end loop;
  return v_low;
end $$;
comment on function pgcanvas.seq_at is
  'The seq a room was at in a moment: of the last batch that had been made by then, whether its transaction was committed or not.';

create or replace function pgcanvas.room_at(p_room text, p_seq bigint, p_after text default '', p_limit integer default null)
  returns table (shape_id text, shape json)
  language plpgsql stable security definer set search_path = pgcanvas, pg_catalog, pg_temp as $$
begin
  return query select s.shape_id, s.shape::json from shapes_at(point_of(p_room, p_seq), p_seq, null, coalesce(p_after, ''), p_limit) as s;
end $$;
comment on function pgcanvas.room_at(text, bigint, text, integer) is
  'The board as it was after a batch: shapes as clients received them, by id after a given one. 0 is the empty board before the first.';

create or replace function pgcanvas.room_at(p_room text, p_at timestamptz, p_after text default '', p_limit integer default null)
  returns table (shape_id text, shape json)
  language sql stable security definer set search_path = pgcanvas, pg_catalog, pg_temp as $$
  select r.shape_id, r.shape from room_at(p_room, seq_at(p_room, p_at), p_after, p_limit) as r
$$;
comment on function pgcanvas.room_at(text, timestamptz, text, integer) is 'The board as it was in a moment.';

comment on column pgcanvas.shape_changes.at is
  'When it was made: taken under the room''s lock, so that it rises with seq. Up to rooms.rising_after: when the transaction began.';
comment on column pgcanvas.snapshots.at is 'The moment of its last batch.';
