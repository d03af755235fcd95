-- Changing who may what in a room. Each takes the room first, so that two owners do not take each other's right at once.

create or replace function pgcanvas.take_rights(p_room_id bigint)
  returns boolean language plpgsql volatile set search_path = pgcanvas, pg_catalog, pg_temp as $$
begin
  perform from rooms r where r.id = p_room_id for update;
  if not found then raise exception 'room: there is no such room' using errcode = 'WB004'; end if;
  return is_owned(p_room_id);
end $$;
comment on function pgcanvas.take_rights is 'Takes a room to change its rights, and says whether it has an owner.';

create or replace function pgcanvas.keep_owned(p_room_id bigint, p_was_owned boolean)
  returns void language plpgsql volatile set search_path = pgcanvas, pg_catalog, pg_temp as $$
begin
  if p_was_owned and not is_owned(p_room_id) then
    raise exception 'role: this is the last owner of the room' using errcode = 'WB009';
  end if;
end $$;
comment on function pgcanvas.keep_owned is 'Refuses to leave a room without owner that had one.';

create or replace function pgcanvas.set_visibility(p_room_id bigint, p_visibility text)
  returns boolean language plpgsql volatile security definer set search_path = pgcanvas, pg_catalog, pg_temp as $$
begin
  update rooms set visibility = p_visibility where id = p_room_id;
  return found;
end $$;
comment on function pgcanvas.set_visibility is
  'What a room gives everybody from now on: open, readable or private. False when there is no such room.';

create or replace function pgcanvas.set_member(p_room_id bigint, p_user text, p_role text)
  returns table (user_id text, name text, role text, created_at timestamptz)
  language plpgsql volatile security definer set search_path = pgcanvas, pg_catalog, pg_temp as $$
#variable_conflict use_column
declare
  v_owned boolean := take_rights(p_room_id);
begin
  if not exists (select from users u where u.id = p_user) then
    raise exception 'user: there is nobody of that login' using errcode = 'WB004';
  end if;
  if (select count(*) from members m where m.room_id = p_room_id and m.user_id <> p_user) >= 1000 then
    raise exception 'user: a room has at most 1000 members' using errcode = 'WB001';
  end if;
  insert into members as m (room_id, user_id, role) values (p_room_id, p_user, p_role::room_role)
  on conflict on constraint members_pkey do update set role = excluded.role where m.role <> excluded.role;
  perform keep_owned(p_room_id, v_owned);
  return query select * from list_members(p_room_id) as l where l.user_id = p_user;
end $$;
comment on function pgcanvas.set_member is
  'Gives somebody a right in a room, or another one. WB004: no such room or person; WB009: it was the last owner''s.';

create or replace function pgcanvas.drop_member(p_room_id bigint, p_user text)
  returns boolean language plpgsql volatile security definer set search_path = pgcanvas, pg_catalog, pg_temp as $$
declare
  v_owned boolean := take_rights(p_room_id);
  v_found boolean;
begin
  delete from members m where m.room_id = p_room_id and m.user_id = p_user;
  v_found := found;
  perform keep_owned(p_room_id, v_owned);
  return v_found;
end $$;
comment on function pgcanvas.drop_member is
  'Takes somebody''s right in a room back; false when there was none. WB009: it was the last owner''s.';

create or replace function pgcanvas.list_members(p_room_id bigint)
  returns table (user_id text, name text, role text, created_at timestamptz)
  language sql stable security definer set search_path = pgcanvas, pg_catalog, pg_temp as $$
  select m.user_id, u.name, m.role::text, m.created_at from members m join users u on u.id = m.user_id
  where m.room_id = p_room_id order by m.role desc, m.user_id
$$;
comment on function pgcanvas.list_members is 'The members of a room, owners first.';

create or replace function pgcanvas.make_link(p_room_id bigint, p_role text, p_token_hash bytea, p_created_by text, p_days integer)
  returns table (id uuid, role text, created_by text, created_at timestamptz, expires_at timestamptz)
  language plpgsql volatile security definer set search_path = pgcanvas, pg_catalog, pg_temp as $$
#variable_conflict use_column
declare
  v_owned boolean := take_rights(p_room_id);
  v_id uuid;
begin
  if (select count(*) from links l where l.room_id = p_room_id) >= 100 then
    raise exception 'links: a room has at most 100' using errcode = 'WB001';
  end if;
  insert into links (room_id, role, token_hash, created_by, expires_at)
  values (p_room_id, p_role::room_role, p_token_hash, p_created_by, now() + make_interval(days => p_days)) returning id into v_id;
  return query select * from list_links(p_room_id) as l where l.id = v_id;
end $$;
comment on function pgcanvas.make_link is 'Makes a link for a token''s hash; without days it does not expire. WB004: no such room.';

create or replace function pgcanvas.list_links(p_room_id bigint)
  returns table (id uuid, role text, created_by text, created_at timestamptz, expires_at timestamptz)
  language sql stable security definer set search_path = pgcanvas, pg_catalog, pg_temp as $$
  select l.id, l.role::text, l.created_by, l.created_at, l.expires_at from links l
  where l.room_id = p_room_id and (l.expires_at is null or l.expires_at > now()) order by l.created_at, l.id
$$;
comment on function pgcanvas.list_links is 'The links of a room that count, the oldest first. Their tokens nobody can tell any more.';

create or replace function pgcanvas.drop_link(p_room_id bigint, p_id uuid)
  returns boolean language plpgsql volatile security definer set search_path = pgcanvas, pg_catalog, pg_temp as $$
declare
  v_owned boolean := take_rights(p_room_id);
  v_found boolean;
begin
  delete from links l where l.room_id = p_room_id and l.id = p_id;
  v_found := found;
  perform keep_owned(p_room_id, v_owned);
  return v_found;
end $$;
comment on function pgcanvas.drop_link is 'Takes a link back; false when there was none. WB009: it was the last owner''s.';

create or replace function pgcanvas.delete_room(p_room_id bigint)
  returns boolean language plpgsql volatile security definer set search_path = pgcanvas, pg_catalog, pg_temp as $$
begin
  delete from rooms r where r.id = p_room_id;
  return found;
end $$;
comment on function pgcanvas.delete_room is
  'Deletes a room with all that is on it and was; its viewers are told. False when there is no such room.';
