-- apply_op: the shortest road beside apply_ops, for one op alone, which is what an idle room gets. There, setting up statements and
-- expressions costs more than what they do; so this holds one shape at a time, and no arrays. It takes what changes a shape that refers to
-- nothing; the rest is left to apply_ops. Both lead to the same rows: a property test (AO10) sends the same ops down both.
-- Its callers say once per connection what apply_ops says with each call: how to plan, and that a lock is waited for 150 ms.

create or replace function pgcanvas.only_moves(p_old pgcanvas.shapes, p_is_patch boolean, p_plain pgcanvas.shape_properties)
  returns boolean language sql immutable parallel safe
return p_old.kind is not null and p_old.refs is null and case
  when p_is_patch then num_nonnulls(p_plain.kind, p_plain.points, p_plain.index, p_plain.frame_id, p_plain.container_id, p_plain.group_ids,
    p_plain.locked, p_plain.stroke_color, p_plain.background_color, p_plain.fill_style, p_plain.stroke_width, p_plain.stroke_style,
    p_plain.roughness, p_plain.opacity, p_plain.text, p_plain.font_size, p_plain.font_family, p_plain.file_id, p_plain.link, p_plain.props) = 0
  else p_old.extra is null and num_nulls(p_plain.x, p_plain.y, p_plain.width, p_plain.height, p_plain.angle) = 0
    and (p_plain.kind, p_plain.points, p_plain.index, p_plain.frame_id, p_plain.container_id, p_plain.group_ids, p_plain.locked,
      p_plain.stroke_color, p_plain.background_color, p_plain.fill_style, p_plain.stroke_width, p_plain.stroke_style, p_plain.roughness,
      p_plain.opacity, p_plain.text, p_plain.font_size, p_plain.font_family, p_plain.file_id, p_plain.link, p_plain.props)
    is not distinct from (p_old.kind, p_old.points, p_old.index, p_old.frame_id, p_old.container_id, p_old.group_ids, p_old.locked,
      p_old.stroke_color, p_old.background_color, p_old.fill_style, p_old.stroke_width, p_old.stroke_style, p_old.roughness,
      p_old.opacity, p_old.text, p_old.font_size, p_old.font_family, p_old.file_id, p_old.link, p_old.props) end;
comment on function pgcanvas.only_moves is 'Whether a patch or a put, as a typed row and with nothing that has no column, leaves a shape that refers to nothing as it is but for its place.';

drop function if exists pgcanvas.apply_op(bigint, uuid, bigint, text, bigint, text, text, text, jsonb);
create or replace function pgcanvas.apply_op(p_room_id bigint, p_client uuid, p_op_id bigint, p_author text, p_gesture bigint, p_role text,
  p_verb text, p_shape_id text, p_body jsonb, p_plain pgcanvas.shape_properties default null)
  returns bigint
  language plpgsql volatile security definer set search_path = pgcanvas, pg_catalog, pg_temp set extra_float_digits = 1 as $$
declare
  v_channel text;
  v_last_seq bigint;
  v_seq bigint;
  v_at timestamptz;
  v_old shapes;
  v_x double precision;
  v_y double precision;
  v_width double precision;
  v_height double precision;
  v_angle double precision;
  v_set text;
  v_fault text;
  v_bounds box;
  v_grid box;
  v_new shapes;
  v_changed shape_change;
  v_op verb := 'patch';
  v_change json;
  v_before json;
  v_line text;
  v_done text;
begin
  select r.last_seq, r.channel, r.touched_at into v_last_seq, v_channel, v_at from rooms r where r.id = p_room_id and r.policy = 'merge' for no key update;
  if not found or p_client is null or p_verb = 'merge' or may_be_altered() then return null; end if;
  v_seq := v_last_seq + 1;
  v_at := greatest(clock_timestamp(), v_at);  -- under the room's lock, so that it rises with seq
  select s.* into v_old from shapes s where s.room_id = any (array[p_room_id]) and s.id = p_shape_id;
  if p_plain.id is not null and only_moves(v_old, p_verb = 'patch', p_plain) then
    v_x := coalesce(p_plain.x, v_old.x);
    v_y := coalesce(p_plain.y, v_old.y);
    v_width := coalesce(p_plain.width, v_old.width);
    v_height := coalesce(p_plain.height, v_old.height);
    v_angle := coalesce(p_plain.angle, v_old.angle);
    v_set := place_members(v_old.x, v_old.y, v_old.width, v_old.height, v_old.angle, v_x, v_y, v_width, v_height, v_angle);
    if v_set = '' then return null; end if;
    v_fault := place_fault(v_x, v_y, v_width, v_height, v_angle);
    if v_fault is not null then raise exception '%', v_fault using errcode = 'WB001'; end if;
    v_bounds := shape_bounds(v_old.kind, v_x, v_y, v_width, v_height, v_angle, v_old.points, v_old.stroke_width);
    v_grid := v_old.grid;  -- as in stamped
    if grid_holds(v_grid, v_bounds) is not true then v_grid := grid_box(v_bounds); end if;
    v_change := patch_text(p_shape_id, v_old.version + 1, v_set);
    v_before := set_text(place_members(v_x, v_y, v_width, v_height, v_angle, v_old.x, v_old.y, v_old.width, v_old.height, v_old.angle));
    v_done := set_config('pgcanvas.applying', 'yes', true);  -- the triggers stand aside
    update shapes s set x = v_x, y = v_y, width = v_width, height = v_height, angle = v_angle, bounds = v_bounds, grid = v_grid,
      version = s.version + 1, seq = v_seq, updated_by = p_author, updated_at = v_at
    where s.room_id = any (array[p_room_id]) and s.id = p_shape_id;
  else
    v_new := shape_after(v_old, p_verb, p_body);
    if v_new.kind is null or has_refs(v_new) then return null; end if;
    if v_old.kind is not null and same_properties(v_old, v_new) then return null; end if;
    v_new := stamped(v_new, v_old, case when v_old.kind is null then
      (select g.version from tombstones g where g.room_id = p_room_id and g.id = p_shape_id) end, p_room_id, p_shape_id, v_seq, p_author, v_at);
    v_changed := change_of(v_old, v_new);
    v_op := v_changed.op;
    v_change := v_changed.change;
    v_before := v_changed.before;
    v_done := set_config('pgcanvas.applying', 'yes', true);
    if v_old.kind is null then
      insert into shapes (room_id, id, kind, x, y, width, height, angle, points, index, frame_id, container_id, group_ids, locked, stroke_color,
      background_color, fill_style, stroke_width, stroke_style, roughness, opacity, text, font_size, font_family, file_id, link, props, extra,
      bounds, grid, version, seq, ordinal, created_by, updated_by, created_at, updated_at, refs)
      overriding system value
      values (v_new.room_id, v_new.id, v_new.kind, v_new.x, v_new.y, v_new.width, v_new.height, v_new.angle, v_new.points, v_new.index, v_new.frame_id, v_new.container_id, v_new.group_ids, v_new.locked, v_new.stroke_color,
      v_new.background_color, v_new.fill_style, v_new.stroke_width, v_new.stroke_style, v_new.roughness, v_new.opacity, v_new.text, v_new.font_size, v_new.font_family, v_new.file_id, v_new.link, v_new.props, v_new.extra,
      v_new.bounds, v_new.grid, v_new.version, v_new.seq, v_new.ordinal, v_new.created_by, v_new.updated_by, v_new.created_at, v_new.updated_at, v_new.refs);
    else
      update shapes s set
        kind = v_new.kind, x = v_new.x, y = v_new.y, width = v_new.width, height = v_new.height, angle = v_new.angle, points = v_new.points,
        index = v_new.index, frame_id = v_new.frame_id, container_id = v_new.container_id, group_ids = v_new.group_ids, locked = v_new.locked,
        stroke_color = v_new.stroke_color, background_color = v_new.background_color, fill_style = v_new.fill_style,
        stroke_width = v_new.stroke_width, stroke_style = v_new.stroke_style, roughness = v_new.roughness, opacity = v_new.opacity,
        text = v_new.text, font_size = v_new.font_size, font_family = v_new.font_family, file_id = v_new.file_id, link = v_new.link,
        props = v_new.props, extra = v_new.extra, refs = v_new.refs, bounds = v_new.bounds, grid = v_new.grid, version = v_new.version,
        seq = v_seq, updated_by = p_author, updated_at = v_new.updated_at
      where s.room_id = any (array[p_room_id]) and s.id = p_shape_id;
    end if;
  end if;
  insert into shape_changes (room_id, seq, op, shape_id, change, before, author, client, op_id, gesture, role, at)
    values (p_room_id, v_seq, v_op, p_shape_id, v_change, v_before, p_author, p_client, p_op_id, p_gesture, p_role, v_at);
  insert into applied_ops (room_id, client, op_id, seq, outcomes) values (p_room_id, p_client, p_op_id, v_seq, '{applied}');
  update rooms r set last_seq = v_seq, touched_at = v_at where r.id = p_room_id;
  v_line := concat(E'\n', batch_head(v_seq, p_author, p_client, p_op_id, v_at), v_change, ']}');
  v_done := ring_room(v_channel, v_last_seq, v_seq, v_line);
  v_done := set_config('pgcanvas.applying', '', true);
  return v_seq;
end $$;
comment on function pgcanvas.apply_op is 'Applies a batch of one op as apply_ops does when it puts, patches or appends, changes its shape, and leaves one that refers to nothing, in a room that merges, and gives its seq; anything else gives null and does nothing. Raises as apply_ops does, and unique_violation for a repeat: asking first would cost every op for what is rare. p_plain: the body of a put or patch as a typed row, when it holds nothing without a column; with it a mere move is seen and done at less cost.';
