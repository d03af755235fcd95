-- Who may what in a room: what the room gives everybody, what members and links give; the highest counts.

create or replace function pgcanvas.is_owned(p_room_id bigint)
  returns boolean language sql stable set search_path = pgcanvas, pg_catalog, pg_temp as $$
  select exists (select from members m where m.room_id = p_room_id and m.role = 'owner')
      or exists (select from links l where l.room_id = p_room_id and l.role = 'owner' and (l.expires_at is null or l.expires_at > now()))
$$;
comment on function pgcanvas.is_owned is 'Whether a room has somebody who may say who else may.';

-- In plpgsql, which keeps its plan: whoever comes is asked for, and to plan this takes longer than to run it.
create or replace function pgcanvas.room_access(p_room text, p_user text, p_link bytea)
  returns table (id bigint, slug text, channel text, epoch uuid, last_seq bigint, role text, rights bigint, owned boolean)
  language plpgsql stable security definer set search_path = pgcanvas, pg_catalog, pg_temp as $$
#variable_conflict use_column
begin
  return query
    select r.id, r.slug::text, r.channel, r.epoch, last_seq(r.id, r.min_since), a.role::text, r.rights,
      exists (select from members m where m.room_id = r.id and m.role = 'owner')
        -- is_owned
        or exists (select from links l where l.room_id = r.id and l.role = 'owner' and (l.expires_at is null or l.expires_at > now()))
    from rooms r
    cross join lateral (select greatest(
      everybodys_role(r.visibility),
      (select m.role from members m where m.room_id = r.id and m.user_id = p_user),
      (select l.role from links l where l.token_hash = p_link and l.room_id = r.id and (l.expires_at is null or l.expires_at > now()))
    ) as role) as a
    where r.id = coalesce((select n.id from rooms n where n.slug = p_room), case when p_room ~ '^[0-9]{1,18}$' then p_room::bigint end)
      and a.role is not null;
end $$;
comment on function pgcanvas.room_access is
  'What somebody, with a link, may in a room by slug or number, and what it takes to enter. No row when there is no such room, or '
  'nothing there is for them.';

create or replace function pgcanvas.change_rights(p_room_id bigint)
  returns void language plpgsql volatile set search_path = pgcanvas, pg_catalog, pg_temp as $$
declare
  v_channel text;
begin
  update rooms r set rights = r.rights + 1 where r.id = p_room_id returning r.channel into v_channel;
  if v_channel is not null then perform pg_notify(v_channel, 'r'); end if;
end $$;
comment on function pgcanvas.change_rights is
  'Counts a change of who may what in a room and rings: every node lets the room''s sockets go, and they ask anew.';

create or replace function pgcanvas.tg_rooms__change_rights()
  returns trigger language plpgsql volatile security definer set search_path = pgcanvas, pg_catalog, pg_temp as $$
begin
  perform change_rights(new.id);
  return null;
end $$;
comment on function pgcanvas.tg_rooms__change_rights is 'Another visibility is a change of rights.';

create or replace function pgcanvas.tg_members__change_rights()
  returns trigger language plpgsql volatile security definer set search_path = pgcanvas, pg_catalog, pg_temp as $$
begin
  perform change_rights(coalesce(new.room_id, old.room_id));
  return null;
end $$;
comment on function pgcanvas.tg_members__change_rights is 'Whatever happens to a member is a change of rights.';

create or replace function pgcanvas.tg_links__change_rights()
  returns trigger language plpgsql volatile security definer set search_path = pgcanvas, pg_catalog, pg_temp as $$
begin
  perform change_rights(old.room_id);
  return null;
end $$;
comment on function pgcanvas.tg_links__change_rights is
  'A link that goes or changes is a change of rights; one that comes is not, since nobody holds it yet.';

create or replace trigger _800_change_rights after update of visibility on pgcanvas.rooms
  for each row when (new.visibility is distinct from old.visibility) execute function pgcanvas.tg_rooms__change_rights();
create or replace trigger _800_change_rights after insert or update or delete on pgcanvas.members
  for each row execute function pgcanvas.tg_members__change_rights();
create or replace trigger _800_change_rights after update or delete on pgcanvas.links
  for each row execute function pgcanvas.tg_links__change_rights();
comment on trigger _800_change_rights on pgcanvas.rooms is 'Throws out who may not stay.';
comment on trigger _800_change_rights on pgcanvas.members is 'Throws out who may not stay.';
comment on trigger _800_change_rights on pgcanvas.links is 'Throws out who may not stay.';
