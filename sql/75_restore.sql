-- Back to a point: always by a new batch, never by changing what was.

create or replace function pgcanvas.bounds_of(p_shape jsonb)
  returns box language sql stable parallel safe
return (select pgcanvas.shape_bounds(s.kind, s.x, s.y, s.width, s.height, s.angle, s.points, s.stroke_width)
        from jsonb_populate_record(null::pgcanvas.shape_properties, p_shape) as s where p_shape is not null);
comment on function pgcanvas.bounds_of is 'Where a shape is that is no row.';

create or replace function pgcanvas.ops_back_to(p_room_id bigint, p_seq bigint, p_box box, p_shape_ids text[])
  returns pgcanvas.listed_ops language plpgsql stable set search_path = pgcanvas, pg_catalog, pg_temp as $$
begin
  return (
    select row(array_agg(case when o.past is null then 'delete' else 'put' end order by o.id), array_agg(o.id order by o.id),
               array_agg(coalesce(o.past, 'null') order by o.id))::listed_ops
    from (
      select coalesce(past.shape_id, now.id) as id, past.shape as past
      from (select s.shape_id, s.shape::jsonb as shape from shapes_at(p_room_id, p_seq, p_shape_ids, '', null) as s) as past
      full join (select s.id, s.bounds, shape_json(s)::jsonb as shape from shapes s
                 where s.room_id = p_room_id and (p_shape_ids is null or s.id = any (p_shape_ids))) as now on now.id = past.shape_id
      where shape_content(past.shape) is distinct from shape_content(now.shape)
        and (p_box is null or now.bounds && p_box or bounds_of(past.shape) && p_box)) as o);
end $$;
comment on function pgcanvas.ops_back_to is
  'The ops that lead from the board as it is to what it was; of an area, the shapes that touch it now or touched it then.';

create or replace function pgcanvas.restore_once(p_room_id bigint, p_seq bigint, p_box box, p_shape_ids text[], p_author text,
  p_client uuid, p_op_id bigint, p_role text)
  returns table (seq bigint, restored bigint)
  language plpgsql volatile set search_path = pgcanvas, pg_catalog, pg_temp set extra_float_digits = 1 set lock_timeout = '150ms' as $$
#variable_conflict use_column
declare
  v_last_seq bigint;
  v_ops listed_ops;
begin
  perform from rooms r where r.id = p_room_id for no key update;  -- nobody draws until this is done
  v_last_seq := (select h.last_seq from room_head(p_room_id) as h);
  return query select a.seq, cardinality(array_positions(a.outcomes, 'applied'))::bigint
    from first_answer(p_room_id, p_client, p_op_id) as a where a.seq is not null;
  if found then return; end if;
  v_ops := ops_back_to(p_room_id, p_seq, p_box, p_shape_ids);
  if v_ops.verbs is null then
    insert into applied_ops (room_id, client, op_id, seq, outcomes) select p_room_id, p_client, p_op_id, v_last_seq, '{}'
      where p_client is not null;
    return query select v_last_seq, 0::bigint;
    return;
  end if;
  return query
    select a.seq, cardinality(array_positions(a.outcomes, 'applied'))::bigint
    from apply_batch(row(p_room_id, p_client, p_op_id, p_author, v_last_seq, null, p_role, null,
        p_box is not null or p_shape_ids is not null),  -- a whole board was sound when it was so
      v_ops.verbs, v_ops.shape_ids, present_versions(p_room_id, v_ops.shape_ids), v_ops.bodies) as a;
end $$;
comment on function pgcanvas.restore_once is 'One try to restore; 55P03 when somebody holds the room or a shape.';

create or replace function pgcanvas.restore_shapes(p_room text, p_seq bigint, p_box box, p_shape_ids text[], p_author text, p_client uuid,
  p_op_id bigint, p_role text default null)
  returns table (seq bigint, restored bigint)
  language plpgsql volatile security definer set search_path = pgcanvas, pg_catalog, pg_temp as $$
declare
  v_id bigint := point_of(p_room, p_seq);
  v_until timestamptz := clock_timestamp() + least(nullif(current_setting('lock_timeout')::interval, '0'), interval '10 s');
  v_bounded boolean := bound_idling();
begin
  loop
    begin
      return query select o.seq, o.restored from restore_once(v_id, p_seq, p_box, p_shape_ids, p_author, p_client, p_op_id, p_role) as o;
      return;
    exception when lock_not_available then
      if clock_timestamp() > v_until then raise; end if;
      perform pg_sleep(0.01);  -- somebody holds the room or a shape: again
    end;
  end loop;
end $$;
comment on function pgcanvas.restore_shapes is
  'Brings a room, the shapes of an area, or named shapes back to a point, as one new batch in somebody''s name; a repeat gets the '
  'first answer. 55P03 when the room is held for ten seconds, or the caller''s lock_timeout.';

create or replace function pgcanvas.restore(p_room text, p_seq bigint, p_box box default null, p_shape_ids text[] default null)
  returns table (seq bigint, restored bigint)
  language plpgsql volatile security definer set search_path = pgcanvas, pg_catalog, pg_temp as $$
begin
  return query select r.seq, r.restored from restore_shapes(p_room, p_seq, p_box, p_shape_ids, sql_author(), null, null) as r;
end $$;
comment on function pgcanvas.restore is
  'Brings a room, the shapes of an area, or named shapes back to a point, as one new batch: seq, and how many shapes changed.';

create or replace function pgcanvas.branch_room(p_room text, p_seq bigint, p_slug text, p_owner text, p_role text default null,
  p_owner_link bytea default null)
  returns bigint language plpgsql volatile security definer set search_path = pgcanvas, pg_catalog, pg_temp as $$
declare
  v_from bigint := point_of(p_room, p_seq);
  v_to bigint;
  v_ops listed_ops;
begin
  v_to := create_room(p_slug, (select r.visibility from rooms r where r.id = v_from), p_owner, p_owner_link => p_owner_link);
  update rooms t set policy = f.policy, app_state = f.app_state from rooms f where f.id = v_from and t.id = v_to;
  select array_agg('put'::text), array_agg(s.shape_id), array_agg(s.shape::jsonb) into v_ops
    from shapes_at(v_from, p_seq, null, '', null) as s;
  if v_ops.verbs is not null then
    perform from apply_batch(row(v_to, null, null, coalesce(p_owner, sql_author()), null, null, p_role, null, false),
      v_ops.verbs, v_ops.shape_ids, null, v_ops.bodies);
  end if;
  return v_to;
end $$;
comment on function pgcanvas.branch_room is
  'A new room, of its maker''s own, whose first batch puts the board of another one''s point. Errors as of create_room.';
