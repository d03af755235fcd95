-- apply_op: the shortest road beside apply_ops, for one op alone, which is what an idle room gets. There, setting up statements and
-- expressions costs more than what they do; so this holds one shape at a time, and no arrays. It takes what changes a shape that refers to
-- nothing; the rest is left to apply_ops. Both lead to the same rows: a property test (AO10) sends the same ops down both.
-- Its callers say once per connection what apply_ops says with each call: how to plan, and that a lock is waited for 150 ms.

-- Another result than before needs another function.
drop function if exists pgcanvas.apply_op(bigint, uuid, bigint, text, bigint, text, text, text, jsonb);
create or replace function pgcanvas.apply_op(p_room_id bigint, p_client uuid, p_op_id bigint, p_author text, p_gesture bigint, p_role text,
  p_verb text, p_shape_id text, p_body jsonb)
  returns text
  language plpgsql volatile security definer set search_path = pgcanvas, pg_catalog, pg_temp as $$
declare
  v_channel text;
  v_last_seq bigint;
  v_seq bigint;
  v_death bigint;
  v_old shapes;
  v_new shapes;
  v_moved boolean;  -- whether it is the same shape elsewhere
  v_change shape_change;
  v_bell text;
  v_done text;
begin
  select r.last_seq, r.channel into v_last_seq, v_channel from rooms r where r.id = p_room_id and r.policy = 'merge' for no key update;
  if not found or p_client is null or p_verb = 'merge' then return null; end if;
  select s.* into v_old from shapes s where s.room_id = p_room_id and s.id = p_shape_id;
  v_new := shape_after(v_old, p_verb, p_body);
  if v_new.kind is null or has_refs(v_new) then return null; end if;
  if v_old.kind is null then
    select g.version into v_death from tombstones g where g.room_id = p_room_id and g.id = p_shape_id;
  else
    v_moved := same_but_place(v_old, v_new);
    if v_moved and same_place(v_old, v_new) then return null; end if;
  end if;
  v_seq := v_last_seq + 1;
  v_new := stamped(v_new, v_old, v_death, p_room_id, p_shape_id, v_seq, p_author, v_moved);
  if v_moved then v_change := move_of(v_old, v_new); else v_change := change_of(v_old, v_new); end if;
  v_done := set_config('pgcanvas.applying', 'yes', true);  -- the triggers stand aside
  if v_moved then
    update shapes s set x = v_new.x, y = v_new.y, width = v_new.width, height = v_new.height, angle = v_new.angle, bounds = v_new.bounds,
      grid = v_new.grid, version = v_new.version, seq = v_seq, updated_by = p_author, updated_at = v_new.updated_at
    where s.room_id = p_room_id and s.id = p_shape_id;
  elsif v_old.kind is null then
    insert into shapes overriding system value select v_new.*;
  else
    update shapes s set
      kind = v_new.kind, x = v_new.x, y = v_new.y, width = v_new.width, height = v_new.height, angle = v_new.angle, points = v_new.points,
      index = v_new.index, frame_id = v_new.frame_id, container_id = v_new.container_id, group_ids = v_new.group_ids, locked = v_new.locked,
      stroke_color = v_new.stroke_color, background_color = v_new.background_color, fill_style = v_new.fill_style,
      stroke_width = v_new.stroke_width, stroke_style = v_new.stroke_style, roughness = v_new.roughness, opacity = v_new.opacity,
      text = v_new.text, font_size = v_new.font_size, font_family = v_new.font_family, file_id = v_new.file_id, link = v_new.link,
      props = v_new.props, extra = v_new.extra, refs = v_new.refs, bounds = v_new.bounds, grid = v_new.grid, version = v_new.version,
      seq = v_seq, updated_by = p_author, updated_at = v_new.updated_at
    where s.room_id = p_room_id and s.id = p_shape_id;
  end if;
  insert into shape_changes (room_id, seq, op, shape_id, change, before, author, client, op_id, gesture, role, at)
    values (p_room_id, v_seq, v_change.op, p_shape_id, v_change.change, v_change.before, p_author, p_client, p_op_id, p_gesture, p_role, now());
  insert into applied_ops (room_id, client, op_id, seq, outcomes) values (p_room_id, p_client, p_op_id, v_seq, '{applied}');
  update rooms r set last_seq = v_seq, touched_at = now() where r.id = p_room_id;
  v_bell := bell(v_last_seq, v_seq, concat(E'\n', batch_head(v_seq, p_author, p_client, p_op_id, now()), v_change.change, ']}'));
  v_done := ring_room(v_channel, v_bell);
  v_done := set_config('pgcanvas.applying', '', true);
  return v_bell;
end $$;
comment on function pgcanvas.apply_op is 'Applies a batch of one op as apply_ops does when it puts, patches or appends, changes its shape, and leaves one that refers to nothing, in a room that merges, and gives what its bell says, which names its seq and carries the change; anything else gives null and does nothing. Raises as apply_ops does, and unique_violation for a repeat: asking first would cost every op for what is rare.';
