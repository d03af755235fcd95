-- apply_ops: the write path of nodes. Many batches of many rooms in one call and one transaction:
-- 1. lock the rooms in id order  2. find the first answers of repeats  3. read the shapes that are named  4. let op after op change
-- them in memory, a batch that changes something taking the next seq of its room  5. write what each shape came to, and the log, one
-- statement each  6. ring  7. remember the answers.
-- Rows are stamped, logged and rung here, by the functions that the triggers call for other writers: triggers would have to be told whose
-- batch each row is of, and would read again what is at hand.

drop function if exists pgcanvas.apply_ops(bigint[], uuid[], bigint[], text[], integer[], text[], text[], jsonb[]);
drop function if exists pgcanvas.apply_ops(bigint[], uuid[], bigint[], text[], bigint[], integer[], text[], text[], bigint[], jsonb[]);
drop function if exists pgcanvas.dead_targets(bigint, text[], bigint[], text[], pgcanvas.shapes[], pgcanvas.shapes[]);
do $$ begin
  if to_regtype('pgcanvas.batch_answer') is null then
    create type pgcanvas.batch_answer as (batch integer, code text, seq bigint, outcomes text[]);
  end if;
end $$;
comment on type pgcanvas.batch_answer is 'What became of a batch: fresh, repeat or twin with its seq and outcomes, or not_found.';

create or replace function pgcanvas.known_answers(p_room_ids bigint[], p_clients uuid[], p_op_ids bigint[], p_locked bigint[])
  returns pgcanvas.batch_answer[] language plpgsql stable as $$
declare
  v_known record;
begin
  if cardinality(p_room_ids) = 1 then  -- an idle room: a tenth of the whole call
    select a.seq, a.outcomes into v_known from pgcanvas.applied_ops a
      where a.room_id = p_room_ids[1] and a.client = p_clients[1] and a.op_id = p_op_ids[1];
    return array[row(1, case when v_known.seq is not null then 'repeat' when p_locked is null then 'not_found' else 'fresh' end,
      v_known.seq, v_known.outcomes)::pgcanvas.batch_answer];
  end if;
  return (
    select array_agg(case when a.op_id is not null then row(b.n, 'repeat', a.seq, a.outcomes)::pgcanvas.batch_answer
                          when b.twin_of < b.n then row(b.twin_of, 'twin', null, null)::pgcanvas.batch_answer
                          when b.room_id = any (p_locked) then row(b.n, 'fresh', null, null)::pgcanvas.batch_answer
                          else row(b.n, 'not_found', null, null)::pgcanvas.batch_answer end order by b.n)
    from (
      select u.*, case when u.client is null then u.n else min(u.n) over (partition by u.room_id, u.client, u.op_id) end as twin_of
      from unnest(p_room_ids, p_clients, p_op_ids) with ordinality as u (room_id, client, op_id, n)) as b
    left join pgcanvas.applied_ops a on a.room_id = b.room_id and a.client = b.client and a.op_id = b.op_id);
end $$;
comment on function pgcanvas.known_answers is 'What is known of each batch beforehand: the answer of a repeat; which earlier batch of the call a twin repeats; fresh; or not_found.';

do $$ begin
  if to_regtype('pgcanvas.drawing') is null then
    create type pgcanvas.drawing as (slots integer[], shapes pgcanvas.shapes[], deaths bigint[], nonces bigint[]);
  end if;
  if to_regtype('pgcanvas.logged_change') is null then
    create type pgcanvas.logged_change as (room_id bigint, seq bigint, op text, shape_id text, change json, before json, author text, client uuid,
      op_id bigint, gesture bigint, undoes bigint, role text);
  end if;
end $$;
comment on type pgcanvas.drawing is 'The shapes a call concerns: by op the slot of its shape (the first that names it); by slot the row, and the version and nonce at which the shape died.';
comment on type pgcanvas.logged_change is 'A row of the log to be.';

create or replace function pgcanvas.shapes_named(p_room_ids bigint[], p_shape_ids text[])
  returns pgcanvas.drawing language plpgsql stable as $$
declare
  v_shape pgcanvas.shapes;
  v_version bigint;
  v_nonce bigint;
begin
  if cardinality(p_shape_ids) = 1 then
    select t.* into v_shape from pgcanvas.shapes t where t.room_id = any (p_room_ids) and t.id = p_shape_ids[1];
    if not found then
      select t.version, t.nonce into v_version, v_nonce from pgcanvas.tombstones t where t.room_id = p_room_ids[1] and t.id = p_shape_ids[1];
    end if;
    return row('{1}', array[v_shape], array[v_version], array[v_nonce])::pgcanvas.drawing;
  end if;
  return (
    select row(array_agg(o.slot order by o.n), array_agg(s.shape order by o.n), array_agg(g.version order by o.n), array_agg(g.nonce order by o.n))::pgcanvas.drawing
    from (select u.*, min(u.n) over (partition by u.room_id, u.id) as slot from unnest(p_room_ids, p_shape_ids) with ordinality as u (room_id, id, n)) as o
    -- "offset 0" keeps it one probe of the key per op, whatever the planner knew of the table when the plan was made.
    left join lateral (select t as shape from pgcanvas.shapes t where t.room_id = any (array[o.room_id]) and t.id = o.id offset 0) as s on true
    left join lateral (select t.version, t.nonce from pgcanvas.tombstones t
                       where s.shape is null and t.room_id = any (array[o.room_id]) and t.id = o.id offset 0) as g on true);
end $$;
comment on function pgcanvas.shapes_named is 'Reads the shapes that ops name, each into the slot of the first op that names it, or how they died.';

create or replace function pgcanvas.write_shapes(p_before pgcanvas.shapes[], p_after pgcanvas.shapes[])
  returns void language plpgsql volatile as $$
declare
  v_old pgcanvas.shapes;
  v_new pgcanvas.shapes;
  v_gone pgcanvas.shapes[];
  v_born pgcanvas.shapes[];
  v_changed pgcanvas.shapes[];
begin
  for n in 1..cardinality(p_after) loop
    v_old := p_before[n];
    v_new := p_after[n];
    if v_old.ordinal = v_new.ordinal then
      if v_old.seq <> v_new.seq then v_changed := v_changed || v_new; end if;
    else  -- what went and came back is a new life
      if v_old.id is not null then v_gone := v_gone || v_old; end if;
      if v_new.id is not null then v_born := v_born || v_new; end if;
    end if;
  end loop;
  if v_gone is not null then
    delete from pgcanvas.shapes s using unnest(v_gone) as g where s.room_id = any (array[g.room_id]) and s.id = g.id;
  end if;
  if v_born is not null then
    insert into pgcanvas.shapes (room_id, id, kind, x, y, width, height, angle, points, index, frame_id, container_id, group_ids, locked, stroke_color,
      background_color, fill_style, stroke_width, stroke_style, roughness, opacity, text, font_size, font_family, file_id, link, props, extra,
      bounds, grid, version, seq, ordinal, created_by, updated_by, created_at, updated_at, refs)
      overriding system value
      select c.room_id, c.id, c.kind, c.x, c.y, c.width, c.height, c.angle, c.points, c.index, c.frame_id, c.container_id, c.group_ids, c.locked, c.stroke_color,
      c.background_color, c.fill_style, c.stroke_width, c.stroke_style, c.roughness, c.opacity, c.text, c.font_size, c.font_family, c.file_id, c.link, c.props, c.extra,
      c.bounds, c.grid, c.version, c.seq, c.ordinal, c.created_by, c.updated_by, c.created_at, c.updated_at, c.refs
      from unnest(v_born) as c;
  end if;
  if v_changed is not null then
    update pgcanvas.shapes s set
      kind = c.kind, x = c.x, y = c.y, width = c.width, height = c.height, angle = c.angle, points = c.points, index = c.index,
      frame_id = c.frame_id, container_id = c.container_id, group_ids = c.group_ids, locked = c.locked,
      stroke_color = c.stroke_color, background_color = c.background_color, fill_style = c.fill_style,
      stroke_width = c.stroke_width, stroke_style = c.stroke_style, roughness = c.roughness, opacity = c.opacity,
      text = c.text, font_size = c.font_size, font_family = c.font_family, file_id = c.file_id, link = c.link, props = c.props,
      extra = c.extra, refs = c.refs, bounds = c.bounds, grid = c.grid, version = c.version, seq = c.seq, updated_by = c.updated_by,
      updated_at = c.updated_at
    from unnest(v_changed) as c where s.room_id = any (array[c.room_id]) and s.id = c.id;
  end if;
  if pgcanvas.may_be_altered() then perform pgcanvas.refuse_altered(v_gone, v_born || v_changed); end if;
end $$;
comment on function pgcanvas.write_shapes is 'Writes what stamped shapes came to: what went, what came (a shape that did both is a new life), what changed.';

create or replace function pgcanvas.bury(p_slots integer[], p_slot_rooms bigint[], p_slot_ids text[], p_deaths bigint[], p_nonces bigint[],
  p_rooms bigint[], p_seqs bigint[])
  returns void language plpgsql volatile as $$
begin
  insert into pgcanvas.tombstones (room_id, id, version, nonce, seq)
    select distinct p_slot_rooms[s], p_slot_ids[s], p_deaths[s], coalesce(p_nonces[s], 0), p_seqs[array_position(p_rooms, p_slot_rooms[s])] from unnest(p_slots) as s
    on conflict (room_id, id) do update set version = excluded.version, nonce = excluded.nonce, seq = excluded.seq;
end $$;
comment on function pgcanvas.bury is 'Notes at which versions shapes died.';

create or replace function pgcanvas.bell(p_from bigint, p_to bigint, p_lines text)
  returns text language sql stable parallel safe
return concat('c ', p_from, ' ', p_to, p_lines);
comment on function pgcanvas.bell is 'What a room''s bell says: "c <from> <to>", then a line per batch, each after a newline, when it carries them.';

create or replace function pgcanvas.ring_room(p_channel text, p_from bigint, p_to bigint, p_batches text)
  returns boolean language sql volatile
return pg_notify(p_channel, pgcanvas.bell(p_from, p_to, case when octet_length(p_batches) + length(concat(p_from, p_to)) < 7997 then p_batches end)) is not null;
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
comment on function pgcanvas.ring_in_parts is 'Rings a room''s bell for batches that follow each other, one per line and seq, as often as it takes for them to ride along: fetching them costs a busy node more.';

drop function if exists pgcanvas.apply_ops(bigint[], uuid[], bigint[], text[], bigint[], bigint[], integer[], text[], text[], bigint[], jsonb[], bigint, text[]);
create or replace function pgcanvas.apply_ops(p_room_ids bigint[], p_clients uuid[], p_op_ids bigint[], p_authors text[], p_seen bigint[], p_gestures bigint[],
  p_batches integer[], p_verbs text[], p_shape_ids text[], p_bases bigint[], p_bodies jsonb[], p_undoes bigint default null, p_roles text[] default null,
  p_repair boolean default true)
  returns table (batch integer, code text, seq bigint, outcomes text[])
  language plpgsql volatile security definer set search_path = pgcanvas, pg_catalog, pg_temp set extra_float_digits = 1 set plan_cache_mode = force_generic_plan
  -- Plans are made once per connection, perhaps while the tables are empty: they must not count on that. (Without bitmap scans the
  -- spatial index cannot answer "= any": else it may be chosen to read a whole room for every op.)
  set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off set enable_bitmapscan = off set jit = off
  -- Direct SQL locks a row and then the room, this the room and then rows. In that knot it is always this side that lets go (55P03: try
  -- again), long before deadlock_timeout (1 s by default) would end either.
  set lock_timeout = '150ms' as $$
declare
  v_rooms bigint[];
  v_policies text[];  -- by room, as v_rooms
  v_channels text[];
  v_last_seqs bigint[];
  v_chained boolean[];
  v_ats timestamptz[];  -- taken under the room's lock, so that it rises with seq
  v_seqs bigint[];  -- as the batches so far leave them
  v_lines text[];  -- what the room's bell will carry
  v_full boolean[];  -- whether that is more than it can
  v_answers batch_answer[];
  v_answer batch_answer;
  v_new_answer batch_answer;
  v_slot_rooms bigint[];
  v_slot_ids text[] := p_shape_ids;
  v_drawing drawing;
  v_shapes shapes[];  -- by slot, as the ops so far leave them
  v_deaths bigint[];
  v_nonces bigint[];
  v_died integer[] := '{}';  -- slots whose death is to be noted
  v_log logged_change[];
  v_outcomes text[];  -- of the batch: a field of a record would be copied with every op
  v_touched integer[];  -- the slots of the batch, what was in them before it, and the op that touched them (0: several)
  v_before shapes[];
  v_by_op integer[];
  v_touched_by integer[];  -- by slot, the batch that touched it last
  v_repaired slot_shape[];
  v_frail boolean;  -- whether the batch may leave references to what is gone
  v_old shapes;
  v_new shapes;
  v_change shape_change;
  v_line text;
  v_room integer;
  v_slot integer;
  v_done text;
  n integer := 1;  -- the next op
begin
  select array_agg(r.id), array_agg(r.min_since), array_agg(r.channel), array_agg(r.policy::text), array_agg(r.chained_since is not null)
    into v_rooms, v_last_seqs, v_channels, v_policies, v_chained
    from (select id, min_since, channel, policy, chained_since from rooms where id = any (p_room_ids) order by id for no key update) as r;
  select e.seqs, e.ats into v_last_seqs, v_ats from room_ends(v_rooms, v_last_seqs) as e;
  for r in 1..coalesce(cardinality(v_rooms), 0) loop perform refuse_old_snapshot(v_rooms[r], v_last_seqs[r] + 1); end loop;
  v_seqs := v_last_seqs;
  v_full := array_fill(false, array[coalesce(cardinality(v_rooms), 0)]);
  v_answers := known_answers(p_room_ids, p_clients, p_op_ids, v_rooms);
  for i in 1..cardinality(p_batches) loop v_slot_rooms[i] := p_room_ids[p_batches[i]]; end loop;
  if 'delete' = any (p_verbs) then
    select v_slot_rooms || array_agg(r.room_id), v_slot_ids || array_agg(r.id) into v_slot_rooms, v_slot_ids
      from (select array_agg(d.room_id) as rooms, array_agg(d.id) as ids from unnest(p_verbs, v_slot_rooms, p_shape_ids) as d (verb, room_id, id) where d.verb = 'delete') as d
      cross join lateral referring(d.rooms, d.ids) as r;
  end if;
  v_drawing := shapes_named(v_slot_rooms, v_slot_ids);
  v_shapes := v_drawing.shapes;
  v_deaths := v_drawing.deaths;
  v_nonces := v_drawing.nonces;
  v_touched_by := array_fill(0, array[coalesce(cardinality(v_slot_ids), 0)]);
  for b in 1..cardinality(p_room_ids) loop
    v_answer := v_answers[b];
    v_room := array_position(v_rooms, p_room_ids[b]);
    if v_answer.code = 'twin' then
      v_new_answer := v_answers[v_answer.batch];
      v_answer := row(b, case v_new_answer.code when 'fresh' then 'twin' else v_new_answer.code end, v_new_answer.seq, v_new_answer.outcomes);
    elsif v_answer.code = 'fresh' then
      v_answer.seq := v_seqs[v_room];
      if v_policies[v_room] = 'strict' and p_batches[n] = b and based_on_old(v_shapes, v_drawing.slots, p_bases, p_batches, n) then
        v_answer.code := 'conflict';
      end if;
    end if;
    if v_answer.code <> 'fresh' then
      v_answers[b] := v_answer;
      while p_batches[n] = b loop n := n + 1; end loop;
      continue;
    end if;
    v_outcomes := null;
    v_touched := '{}';
    v_before := '{}';
    v_by_op := '{}';
    v_frail := false;
    while p_batches[n] = b loop
      v_slot := v_drawing.slots[n];
      v_old := v_shapes[v_slot];
      v_new := shape_after(v_old, p_verbs[n], p_bodies[n]);
      if p_verbs[n] = 'merge' and not replica_wins(v_new, (p_bodies[n] ->> 'version')::bigint, nonce_of(p_bodies[n] -> 'props'), v_old,
          coalesce(v_old.version, v_deaths[v_slot]), case when v_old.kind is null then v_nonces[v_slot] else nonce_of(v_old.props) end) then
        v_outcomes := array_append(v_outcomes, 'unchanged');
      elsif v_old.kind is null and v_new.kind is null and p_verbs[n] <> 'merge' then
        v_outcomes := array_append(v_outcomes, 'gone');
      elsif v_old.kind is not null and p_verbs[n] in ('put', 'append') and same_properties(v_old, v_new) then
        v_outcomes := array_append(v_outcomes, 'unchanged');
      else
        v_outcomes := array_append(v_outcomes, 'applied');
        if v_policies[v_room] = 'offset' and v_old.kind is null and p_verbs[n] = 'put' and p_undoes is null then
          v_new := offset_shape(p_room_ids[b], v_new, p_shape_ids[n], p_authors[b], coalesce(p_seen[b], 0), v_shapes);
        end if;
        if v_touched_by[v_slot] = b then
          v_by_op[array_position(v_touched, v_slot)] := 0;
        else
          v_touched_by[v_slot] := b;
          v_touched := v_touched || v_slot;
          v_before := v_before || v_old;
          v_by_op := v_by_op || n;
        end if;
        if v_new.kind is null then
          v_died := v_died || v_slot;
          v_deaths[v_slot] := case p_verbs[n] when 'merge' then (p_bodies[n] ->> 'version')::bigint else 
            coalesce(v_old.version, (v_before[array_position(v_touched, v_slot)]).version, v_deaths[v_slot], 0) + 1 end;
          v_nonces[v_slot] := case p_verbs[n] when 'merge' then nonce_of(p_bodies[n] -> 'props') else 0 end;
        end if;
        v_shapes[v_slot] := v_new;
        -- What replicas say is taken as it is: repaired, it would depend on the order in which they say it.
        v_frail := v_frail or p_repair and p_verbs[n] <> 'merge' and (v_new.kind is null or has_refs(v_new));
      end if;
      n := n + 1;
    end loop;
    if v_frail then
      v_repaired := repaired(p_room_ids[b], v_slot_rooms, v_slot_ids, v_drawing.slots, v_shapes, v_drawing.shapes, v_touched, v_before);
      for r in 1..coalesce(cardinality(v_repaired), 0) loop
        v_slot := v_repaired[r].slot;
        if v_touched_by[v_slot] = b then
          v_by_op[array_position(v_touched, v_slot)] := 0;
        else
          v_touched_by[v_slot] := b;
          v_touched := v_touched || v_slot;
          v_before := v_before || v_shapes[v_slot];
          v_by_op := v_by_op || 0;
        end if;
        v_shapes[v_slot] := v_repaired[r].shape;
      end loop;
    end if;
    -- What the batch leaves of each shape, once: viewers see nothing of what was in between.
    v_line := null;
    for t in 1..cardinality(v_touched) loop
      v_slot := v_touched[t];
      v_old := v_before[t];
      v_new := v_shapes[v_slot];
      if v_old.kind is null and v_new.kind is null
        or v_by_op[t] = 0 and same_properties(v_old, v_new) and (v_new.version is null or v_new.version is not distinct from v_old.version) then  -- there and back
        v_shapes[v_slot] := v_old;
        continue;
      end if;
      v_answer.seq := v_seqs[v_room] + 1;
      if v_new.kind is not null then
        v_new := stamped(v_new, v_old, v_deaths[v_slot], p_room_ids[b], v_slot_ids[v_slot], v_answer.seq, p_authors[b], v_ats[v_room]);
        v_shapes[v_slot] := v_new;
      end if;
      v_change := case when v_by_op[t] = 0 then change_of(v_old, v_new) else said_change(v_old, v_new, p_verbs[v_by_op[t]], p_bodies[v_by_op[t]]) end;
      v_log := v_log || row(p_room_ids[b], v_answer.seq, v_change.op, v_slot_ids[v_slot], v_change.change, null,
        p_authors[b], p_clients[b], p_op_ids[b], p_gestures[b], nullif(p_undoes, 0), p_roles[b])::logged_change;
      v_line := case when v_full[v_room] then ''
                     when v_line is null then batch_head(v_answer.seq, p_authors[b], p_clients[b], p_op_ids[b], v_ats[v_room]) || v_change.change
                     when octet_length(v_line) < 8000 then v_line || ',' || v_change.change
                     else v_line end;
    end loop;
    if v_line is not null then
      v_seqs[v_room] := v_answer.seq;
      if not v_full[v_room] then
        v_lines[v_room] := concat(v_lines[v_room], E'\n', v_line, ']}');
        v_full[v_room] := octet_length(v_lines[v_room]) > 7999;
      end if;
    end if;
    v_answer.outcomes := v_outcomes;
    v_answers[b] := v_answer;
  end loop;
  if v_log is not null then
    v_done := set_config('pgcanvas.applying', 'yes', true);  -- the triggers stand aside
    perform write_shapes(v_drawing.shapes, v_shapes);
    insert into shape_changes (room_id, seq, ordinal, op, shape_id, change, before, author, client, op_id, gesture, undoes, role, at)
      select l.room_id, l.seq, row_number() over (partition by l.room_id, l.seq order by l.n), l.op, l.shape_id, l.change, l.before, l.author,
        l.client, l.op_id, l.gesture, l.undoes, l.role, v_ats[array_position(v_rooms, l.room_id)]
      from unnest(v_log) with ordinality as l (room_id, seq, op, shape_id, change, before, author, client, op_id, gesture, undoes, role, n);
    for r in 1..cardinality(v_rooms) loop
      if v_chained[r] then perform chain_batches(v_rooms[r]); end if;
      -- What no client sent is told at commit, once for the transaction.
      if v_lines[r] is not null and p_clients[1] is not null then v_done := ring_room(v_channels[r], v_last_seqs[r], v_seqs[r], v_lines[r]); end if;
    end loop;
    v_done := set_config('pgcanvas.applying', '', true);
  end if;
  -- What went and came back within a batch has not died: it was one change.
  v_died := array(select s from unnest(v_died) as s where (v_shapes[s]).kind is null or (v_shapes[s]).version > v_deaths[s]);
  if v_died <> '{}' then perform bury(v_died, v_slot_rooms, v_slot_ids, v_deaths, v_nonces, v_rooms, v_seqs); end if;
  insert into applied_ops (room_id, client, op_id, seq, outcomes)
    select p_room_ids[a.batch], p_clients[a.batch], p_op_ids[a.batch], a.seq, coalesce(a.outcomes, '{}')
    from unnest(v_answers) as a where a.code = 'fresh' and p_clients[a.batch] is not null;
  return query select a.* from unnest(v_answers) as a;
end $$;
comment on function pgcanvas.apply_ops is 'Applies batches of ops in order. Arrays: one entry per batch (room, client, op_id, author, seq seen: offset rooms only, op_id of the gesture it goes on with), one per op (its batch from 1, verb, shape, base: strict rooms only, body), batch after batch. Each answer: fresh, repeat or twin with seq and outcomes, conflict (strict), or not_found. p_undoes: the batch that these take back, 0 for a choice of changes, null for drawing. p_roles: by what right, one entry per batch, null for SQL. p_repair: whether references to what is gone are let go of. A bad value raises and nothing of the call is kept; 55P03 says that somebody holds a room or a shape: try again.';

drop function if exists pgcanvas.wait_for(bigint, text[], integer);
create or replace function pgcanvas.wait_for(p_room_id bigint, p_shape_ids text[], p_tries integer, p_since timestamptz)
  returns void language plpgsql volatile as $$
begin
  if clock_timestamp() - p_since >= nullif(current_setting('lock_timeout')::interval, '0') then
    raise exception 'room: somebody holds it, or a shape of it, for as long as lock_timeout lets wait' using errcode = '55P03';
  end if;
  if p_tries % 32 <> 0 then perform pg_sleep(0.01); return; end if;
  if p_tries >= 160 then raise exception 'room: somebody holds it, or a shape of it' using errcode = '55P03'; end if;
  perform from pgcanvas.rooms r where r.id = p_room_id for no key update;
  perform from pgcanvas.shapes s where s.room_id = p_room_id and s.id = any (p_shape_ids) order by s.id for no key update;
end $$;
comment on function pgcanvas.wait_for is 'For whoever found a room or a shape held so many times, 150 ms each: a pause. After five seconds it waits as others do, since only then PostgreSQL finds out when two transactions wait for each other (40P01); after about twenty-five it gives up (55P03), or once the caller''s lock_timeout has passed.';

create or replace function pgcanvas.draw(p_room text, p_ops jsonb)
  returns table (seq bigint, outcomes text[])
  language plpgsql volatile security definer set search_path = pgcanvas, pg_catalog, pg_temp as $$
declare
  v_id bigint := (select r.id from room_door(p_room) as r);
  v_verbs text[];
  v_bases bigint[];
  v_ids text[];
  v_bodies jsonb[];
  v_answer record;
  v_tries integer := 0;
  v_since timestamptz := clock_timestamp();
  v_bounded boolean := bound_idling();
begin
  if v_id is null then raise exception 'room: there is no room %', p_room using errcode = 'WB004'; end if;
  if jsonb_typeof(p_ops) is distinct from 'array' or p_ops = '[]' then raise exception 'ops: must be a list of one or more ops' using errcode = 'WB001'; end if;
  select array_agg(o.op ->> 'op' order by o.n), array_agg((o.op ->> 'base')::bigint order by o.n),
         array_agg(coalesce(o.op ->> 'id', o.op -> 'shape' ->> 'id') order by o.n),
         array_agg(case when o.op ->> 'op' in ('put', 'merge') then o.op -> 'shape' else o.op end order by o.n)
    into v_verbs, v_bases, v_ids, v_bodies from jsonb_array_elements(p_ops) with ordinality as o (op, n);
  if array_position(v_ids, null) is not null then raise exception 'id: is required' using errcode = 'WB001'; end if;
  loop
    begin
      select a.* into v_answer from apply_ops(array[v_id], array[null::uuid], array[null::bigint], array[sql_author()], array[null::bigint],
        array[null::bigint], array_fill(1, array[cardinality(v_ids)]), v_verbs, v_ids, v_bases, v_bodies) as a;
      exit;
    exception when lock_not_available then
      v_tries := v_tries + 1;
      perform wait_for(v_id, v_ids, v_tries, v_since);
    end;
  end loop;
  if v_answer.code = 'conflict' then
    raise exception 'base: a shape has another version than the one the op is based on' using errcode = 'WB009';
  end if;
  return query select v_answer.seq, v_answer.outcomes;
end $$;
comment on function pgcanvas.draw is 'One batch of ops on a room, from SQL: draw(''design'', ''[{"op":"put","shape":{"id":"a","kind":"rectangle"}}]''). "merge" takes a shape with its version, or its tombstone. Waits while somebody holds the room, for lock_timeout or half a minute at most when it is held again and again (55P03); WB009: a conflict in a strict room.';
