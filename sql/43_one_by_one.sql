-- One batch, op by op: what is seldom done and cannot be told from numbers (references to what is dead, merge, a shape named twice,
-- properties taken away, new shapes in rooms that move them). The rows are read, changed in memory by the functions of sql/30_ops.sql,
-- repaired, stamped, and written as they came out, each once. The room is locked, answered and notified by apply_batches.

create or replace function pgcanvas.read_drawing(p_room_id bigint, p_verbs text[], p_shape_ids text[])
  returns pgcanvas.drawing language plpgsql stable as $$
declare
  v_drawing pgcanvas.drawing;
  v_deleted text[] := array(select o.id from unnest(p_verbs, p_shape_ids) as o (verb, id) where o.verb = 'delete');
begin
  v_drawing.ids := p_shape_ids;
  if v_deleted <> '{}' then
    v_drawing.ids := p_shape_ids
      || array(select r.id from pgcanvas.referring(array_fill(p_room_id, array[cardinality(v_deleted)]), v_deleted) as r);
  end if;
  select array_agg(o.slot order by o.n), array_agg(s.shape order by o.n), array_agg(g.version order by o.n), array_agg(g.nonce order by o.n)
    into v_drawing.slots, v_drawing.shapes, v_drawing.deaths, v_drawing.nonces
    from (select u.id, u.n, min(u.n) over (partition by u.id) as slot from unnest(v_drawing.ids) with ordinality as u (id, n)) as o
    -- "offset 0" keeps it one probe of the key per op, whatever the planner knew of the table when the plan was made.
    left join lateral (select t as shape from pgcanvas.shapes t where t.room_id = any (array[p_room_id]) and t.id = o.id offset 0) as s
      on true
    left join lateral (select t.version, t.nonce from pgcanvas.tombstones t
      where s.shape is null and t.room_id = any (array[p_room_id]) and t.id = o.id offset 0) as g on true;
  v_drawing.before := v_drawing.shapes;
  return v_drawing;
end $$;
comment on function pgcanvas.read_drawing is
  'The shapes that ops name, and those that refer to what they delete: each in the slot of the first op that names it, or how it died.';

create or replace function pgcanvas.outcome_of(p_old pgcanvas.shapes, p_new pgcanvas.shapes, p_verb text, p_body jsonb, p_death bigint,
  p_nonce bigint)
  returns text language plpgsql stable parallel safe as $$
begin
  if p_verb = 'merge' then
    return case when pgcanvas.replica_wins(p_new, (p_body ->> 'version')::bigint, pgcanvas.nonce_of(p_body -> 'props'), p_old,
      coalesce(p_old.version, p_death), case when p_old.kind is null then p_nonce else pgcanvas.nonce_of(p_old.props) end)
      then 'applied' else 'unchanged' end;
  elsif p_old.kind is null and p_new.kind is null then return 'gone';
  elsif p_old.kind is not null and p_verb in ('put', 'append') and pgcanvas.same_properties(p_old, p_new) then return 'unchanged';
  end if;
  return 'applied';
end $$;
comment on function pgcanvas.outcome_of is 'What an op that makes the second state of a shape of the first is answered.';

create or replace function pgcanvas.draw_ops(p_drawing pgcanvas.drawing, p_room_id bigint, p_policy text, p_author text, p_seen bigint,
  p_verbs text[], p_bodies jsonb[])
  returns pgcanvas.drawing language plpgsql stable as $$
declare
  -- Variables: in a field of a record an array would be read from its beginning, or copied, for every op.
  v_slots integer[] := p_drawing.slots;
  v_ids text[] := p_drawing.ids;
  v_before pgcanvas.shapes[] := p_drawing.before;
  v_died integer[];
  v_shapes pgcanvas.shapes[] := p_drawing.shapes;
  v_deaths bigint[] := p_drawing.deaths;
  v_nonces bigint[] := p_drawing.nonces;
  v_by_op integer[] := array_fill(null::integer, array[cardinality(v_slots)]);
  v_touched integer[] := '{}';
  v_outcomes text[];
  v_old pgcanvas.shapes;
  v_new pgcanvas.shapes;
  v_slot integer;
begin
  p_drawing.frail := false;
  for n in 1..cardinality(p_verbs) loop
    v_slot := v_slots[n];
    v_old := v_shapes[v_slot];
    v_new := pgcanvas.shape_after(v_old, p_verbs[n], p_bodies[n]);
    v_outcomes[n] := pgcanvas.outcome_of(v_old, v_new, p_verbs[n], p_bodies[n], v_deaths[v_slot], v_nonces[v_slot]);
    continue when v_outcomes[n] <> 'applied';
    if p_policy = 'offset' and v_old.kind is null and p_verbs[n] = 'put' then
      v_new := pgcanvas.offset_shape(p_room_id, v_new, v_ids[n], p_author, coalesce(p_seen, 0), v_shapes);
    end if;
    if v_by_op[v_slot] is null then v_touched := v_touched || v_slot; end if;
    v_by_op[v_slot] := case when v_by_op[v_slot] is null then n else 0 end;
    if v_new.kind is null then
      v_deaths[v_slot] := case p_verbs[n] when 'merge' then (p_bodies[n] ->> 'version')::bigint
        else coalesce(v_old.version, (v_before[v_slot]).version, v_deaths[v_slot], 0) + 1 end;
      v_nonces[v_slot] := case p_verbs[n] when 'merge' then pgcanvas.nonce_of(p_bodies[n] -> 'props') else 0 end;
      v_died := array_append(v_died, v_slot);
    end if;
    v_shapes[v_slot] := v_new;
    -- What replicas say is taken as it is: repaired, it would depend on the order in which they say it.
    p_drawing.frail := p_drawing.frail or p_verbs[n] <> 'merge' and (v_new.kind is null or pgcanvas.has_refs(v_new));
  end loop;
  p_drawing.shapes := v_shapes;
  p_drawing.deaths := v_deaths;
  p_drawing.nonces := v_nonces;
  p_drawing.touched := v_touched;
  p_drawing.by_op := v_by_op;
  p_drawing.died := v_died;
  p_drawing.outcomes := v_outcomes;
  return p_drawing;
end $$;
comment on function pgcanvas.draw_ops is
  'Lets op after op change the shapes in hand. touched: their slots; by_op, by slot: the op that did (0: several); frail: whether '
  'references to what is gone may be left.';

create or replace function pgcanvas.repair_drawing(p_drawing pgcanvas.drawing, p_room_id bigint)
  returns pgcanvas.drawing language plpgsql stable as $$
declare
  v_shapes pgcanvas.shapes[] := p_drawing.shapes;
  v_by_op integer[] := p_drawing.by_op;
  v_touched integer[] := p_drawing.touched;
  v_repaired pgcanvas.slot_shape;
begin
  foreach v_repaired in array coalesce(pgcanvas.repaired(p_room_id, p_drawing), '{}') loop
    if v_by_op[v_repaired.slot] is null then v_touched := array_append(v_touched, v_repaired.slot); end if;
    v_by_op[v_repaired.slot] := 0;
    v_shapes[v_repaired.slot] := v_repaired.shape;
  end loop;
  p_drawing.shapes := v_shapes;
  p_drawing.by_op := v_by_op;
  p_drawing.touched := v_touched;
  return p_drawing;
end $$;
comment on function pgcanvas.repair_drawing is 'Lets shapes go of what the batch deleted, or what was deleted before.';

create or replace function pgcanvas.settle_drawing(p_drawing pgcanvas.drawing, p_room_id bigint, p_seq bigint, p_author text,
  p_at timestamptz, p_verbs text[], p_bodies jsonb[])
  returns pgcanvas.drawing language plpgsql stable as $$
declare
  v_shapes pgcanvas.shapes[] := p_drawing.shapes;
  v_before pgcanvas.shapes[] := p_drawing.before;
  v_by_op integer[] := p_drawing.by_op;
  v_deaths bigint[] := p_drawing.deaths;
  v_ids text[] := p_drawing.ids;
  v_logged_ids text[];
  v_logged_verbs text[];
  v_changes text[];
  v_old pgcanvas.shapes;
  v_new pgcanvas.shapes;
  v_change pgcanvas.shape_change;
  v_slot integer;
  v_op integer;
begin
  foreach v_slot in array p_drawing.touched loop
    v_old := v_before[v_slot];
    v_new := v_shapes[v_slot];
    v_op := v_by_op[v_slot];
    if v_old.kind is null and v_new.kind is null
      -- there and back
      or v_op = 0 and pgcanvas.same_properties(v_old, v_new) and coalesce(v_new.version, v_old.version) = v_old.version then
      v_shapes[v_slot] := v_old;
      continue;
    end if;
    if v_new.kind is not null then
      v_new := pgcanvas.stamped(v_new, v_old, v_deaths[v_slot], p_room_id, v_ids[v_slot], p_seq, p_author, p_at);
      v_shapes[v_slot] := v_new;
    end if;
    v_change := case when v_op = 0 then pgcanvas.change_of(v_old, v_new)
      else pgcanvas.said_change(v_old, v_new, p_verbs[v_op], p_bodies[v_op]) end;
    v_logged_ids := array_append(v_logged_ids, v_ids[v_slot]);
    v_logged_verbs := array_append(v_logged_verbs, v_change.op);
    v_changes := array_append(v_changes, v_change.change::text);
  end loop;
  p_drawing.shapes := v_shapes;
  p_drawing.logged_ids := v_logged_ids;
  p_drawing.logged_verbs := v_logged_verbs;
  p_drawing.changes := v_changes;
  return p_drawing;
end $$;
comment on function pgcanvas.settle_drawing is
  'Stamps what the batch left of each shape, and tells how it changed, once: viewers see nothing of what was in between.';

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
    insert into pgcanvas.shapes (room_id, id, kind, x, y, width, height, angle, points, index, frame_id, container_id, group_ids, locked,
      stroke_color,
      background_color, fill_style, stroke_width, stroke_style, roughness, opacity, text, font_size, font_family, file_id, link, props,
      extra, bounds, grid, version, seq, ordinal, created_by, updated_by, created_at, updated_at, refs)
      overriding system value
      select c.room_id, c.id, c.kind, c.x, c.y, c.width, c.height, c.angle, c.points, c.index, c.frame_id, c.container_id, c.group_ids,
      c.locked, c.stroke_color, c.background_color, c.fill_style, c.stroke_width, c.stroke_style, c.roughness, c.opacity, c.text,
      c.font_size, c.font_family,
      c.file_id, c.link, c.props, c.extra, c.bounds, c.grid, c.version, c.seq, c.ordinal, c.created_by, c.updated_by, c.created_at,
      c.updated_at, c.refs
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
comment on function pgcanvas.write_shapes is
  'Writes what stamped shapes came to: what went, what came (a shape that did both is a new life), what changed.';

create or replace function pgcanvas.write_drawing(p_drawing pgcanvas.drawing, p_room_id bigint, p_seq bigint)
  returns void language plpgsql volatile as $$
declare
  v_shapes pgcanvas.shapes[] := p_drawing.shapes;
  v_ids text[] := p_drawing.ids;
  v_deaths bigint[] := p_drawing.deaths;
  v_nonces bigint[] := p_drawing.nonces;
begin
  if p_drawing.changes is not null then perform pgcanvas.write_shapes(p_drawing.before, p_drawing.shapes); end if;
  -- What went and came back within a batch has not died: it was one change.
  insert into pgcanvas.tombstones (room_id, id, version, nonce, seq)
    select distinct p_room_id, v_ids[t.slot], v_deaths[t.slot], coalesce(v_nonces[t.slot], 0), p_seq
    from unnest(p_drawing.died) as t (slot)
    where (v_shapes[t.slot]).kind is null or (v_shapes[t.slot]).version > v_deaths[t.slot]
    on conflict (room_id, id) do update set version = excluded.version, nonce = excluded.nonce, seq = excluded.seq;
end $$;
comment on function pgcanvas.write_drawing is 'Writes what the batch left of the shapes, and at which versions they died.';

create or replace function pgcanvas.apply_one_by_one(p_batch pgcanvas.batch_call, p_seq bigint, p_at timestamptz, p_policy text,
  p_verbs text[], p_shape_ids text[], p_bases bigint[], p_bodies jsonb[], out code text, out seq bigint, out outcomes text[],
  out lines text)
  language plpgsql volatile as $$
declare
  v_drawing pgcanvas.drawing := pgcanvas.read_drawing(p_batch.room_id, p_verbs, p_shape_ids);
begin
  seq := p_seq;
  if p_policy = 'strict' and pgcanvas.based_on_old(v_drawing, p_bases) then
    code := 'conflict';
    return;
  end if;
  v_drawing := pgcanvas.draw_ops(v_drawing, p_batch.room_id, case when p_batch.undoes is null then p_policy end, p_batch.author,
    p_batch.seen,
    p_verbs, p_bodies);
  if v_drawing.frail and p_batch.repairs then v_drawing := pgcanvas.repair_drawing(v_drawing, p_batch.room_id); end if;
  v_drawing := pgcanvas.settle_drawing(v_drawing, p_batch.room_id, p_seq + 1, p_batch.author, p_at, p_verbs, p_bodies);
  if v_drawing.changes is not null then seq := p_seq + 1; end if;
  perform pgcanvas.write_drawing(v_drawing, p_batch.room_id, seq);
  outcomes := v_drawing.outcomes;
  code := case when 'applied' = all (outcomes) and cardinality(v_drawing.changes) = cardinality(outcomes) then 'fresh' else 'kept' end;
  if v_drawing.changes is null then return; end if;
  lines := (select l.lines from pgcanvas.log_batches(row(array[p_batch.room_id], array[p_batch.client], array[p_batch.op_id],
      array[p_batch.author], null, array[p_batch.gesture], array[p_batch.role], null, p_batch.undoes, true)::pgcanvas.batch_list,
    array_fill(1, array[cardinality(v_drawing.changes)]), v_drawing.logged_verbs, v_drawing.logged_ids, null,
    array_fill(seq, array[cardinality(v_drawing.changes)]), null, array_fill(p_at, array[cardinality(v_drawing.changes)]),
      v_drawing.changes) as l);
end $$;
comment on function pgcanvas.apply_one_by_one is
  'Applies one batch of a room that is at p_seq, op by op. code: fresh, kept (its answer is more than the log tells) or conflict; '
  'lines: what the room''s notification carries.';
