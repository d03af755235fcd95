-- Rooms: making, finding, listing, and the state a node follows.

create or replace function pgcanvas.last_author(p_room_id bigint, p_seq bigint)
  returns text language sql stable set search_path = pgcanvas, pg_catalog, pg_temp as $$
  select c.author from shape_changes c where c.room_id = p_room_id and c.seq = p_seq order by c.ordinal limit 1
$$;
comment on function pgcanvas.last_author is 'Who made a batch; null when it is not kept.';

create or replace function pgcanvas.room_end(p_room_id bigint, out seq bigint, out at timestamptz)
  language plpgsql stable as $$
begin
  select c.seq, c.at into seq, at from pgcanvas.shape_changes c where c.room_id = p_room_id order by c.seq desc, c.ordinal desc limit 1;
end $$;
comment on function pgcanvas.room_end is 'The last batch in a room''s log, and its moment; nulls when none is kept.';

create or replace function pgcanvas.room_ends(p_room_ids bigint[], p_min_since bigint[], out seqs bigint[], out ats timestamptz[])
  language plpgsql stable as $$
begin
  select array_agg(greatest(e.seq, r.min_since) order by r.n), array_agg(greatest(e.at, clock_timestamp()) order by r.n) into seqs, ats
    from unnest(p_room_ids, p_min_since) with ordinality as r (id, min_since, n)
    left join lateral (select c.seq, c.at from pgcanvas.shape_changes c where c.room_id = r.id order by c.seq desc,
      c.ordinal desc limit 1) as e
      on true;
end $$;
comment on function pgcanvas.room_ends is
  'Of rooms that are locked, the seq each is at, and the moment that its next batch has: now, or that of the last one if clocks went '
  'back. Asked in a statement after the one that locks: that one does not see what was committed while it waited.';

create or replace function pgcanvas.last_seq(p_room_id bigint, p_min_since bigint)
  returns bigint language plpgsql stable as $$
begin
  return greatest((pgcanvas.room_end(p_room_id)).seq, p_min_since);
end $$;
comment on function pgcanvas.last_seq is
  'The seq that a room is at: of the last batch, though its log were pruned up to there (min_since).';

create or replace function pgcanvas.room_state(p_room text)
  returns table (id bigint, slug text, epoch uuid, last_seq bigint, min_since bigint, channel text, policy text, visibility text,
                 shape_count bigint, created_at timestamptz, touched_at timestamptz, touched_by text)
  language sql stable security definer set search_path = pgcanvas, pg_catalog, pg_temp as $$
  select r.id, r.slug, r.epoch, greatest(e.seq, r.min_since), r.min_since, r.channel, r.policy, r.visibility,
         (select count(*) from shapes s where s.room_id = r.id), r.created_at, coalesce(e.at, r.created_at), last_author(r.id, e.seq)
  from rooms r cross join lateral room_end(r.id) as e
  where r.slug = p_room or r.id = case when p_room ~ '^[0-9]{1,18}$' then p_room::bigint end
  order by r.slug = p_room desc limit 1
$$;
comment on function pgcanvas.room_state is 'One room by slug or number, its channel included; no row when there is none.';

create or replace function pgcanvas.room_door(p_room text)
  returns table (id bigint, channel text)
  language sql stable security definer set search_path = pgcanvas, pg_catalog, pg_temp as $$
  select r.id, r.channel from rooms r
  where r.slug = p_room or r.id = case when p_room ~ '^[0-9]{1,18}$' then p_room::bigint end
  order by r.slug = p_room desc limit 1
$$;
comment on function pgcanvas.room_door is
  'Number and channel of a room by slug or number; no row when there is none. Unlike room_state it does not count the shapes.';

create or replace function pgcanvas.room_head(p_room_id bigint, p_channel text default null)
  returns table (epoch uuid, last_seq bigint, min_since bigint, rights bigint)
  language sql stable security definer set search_path = pgcanvas, pg_catalog, pg_temp as $$
  select r.epoch, last_seq(r.id, r.min_since), r.min_since, r.rights from rooms r where r.id = p_room_id
    and (p_channel is null or r.channel = p_channel)
$$;
comment on function pgcanvas.room_head is
  'Where a room is: epoch, last seq, oldest seq to resume from, and the count of changes of who may what. With a channel: none when '
  'the room that rings there is gone, and another has its number.';

create or replace function pgcanvas.create_room(p_slug text, p_visibility text, p_owner text, p_policy text default 'merge',
  p_owner_link bytea default null)
  returns bigint language plpgsql security definer set search_path = pgcanvas, pg_catalog, pg_temp as $$
declare
  v_id bigint;
begin
  insert into rooms (slug, visibility, policy, owner)
  values (coalesce(p_slug, 'board-' || substr(replace(gen_random_uuid()::text, '-', ''), 1, 10)), p_visibility, p_policy, p_owner)
  returning id into v_id;
  insert into members (room_id, user_id, role) select v_id, u.id, 'owner' from users u where u.id = p_owner;
  if p_owner_link is not null then
    insert into links (room_id, role, token_hash, created_by) values (v_id, 'owner', p_owner_link, p_owner);
  end if;
  return v_id;
end $$;
comment on function pgcanvas.create_room is
  'Makes a room and gives its number; without a slug one is drawn. Its maker, when there is an account of that name, is a member and '
  'owner; an owner link is made for the hash that is given. A taken slug raises rooms_slug_key.';

create or replace function pgcanvas.set_policy(p_room_id bigint, p_policy text)
  returns boolean language plpgsql security definer set search_path = pgcanvas, pg_catalog, pg_temp as $$
begin
  update rooms set policy = p_policy where id = p_room_id;
  return found;
end $$;
comment on function pgcanvas.set_policy is
  'How concurrent changes of one shape are settled from now on: merge, strict or offset. False when there is no such room.';

create or replace function pgcanvas.open_room(p_number bigint)
  returns bigint language plpgsql security definer set search_path = pgcanvas, pg_catalog, pg_temp as $$
begin
  if p_number is null or p_number not between 1 and 1000000 then
    if exists (select from rooms where id = p_number) then return p_number; end if;
    raise exception 'room: only numbers from 1 to 1000000 open a room on first use' using errcode = 'WB004';
  end if;
  insert into rooms (id, slug) values (p_number, p_number::text) on conflict do nothing;
  return p_number;
end $$;
comment on function pgcanvas.open_room is
  'Opens the room of a number on first use (seed dialect); refuses numbers above 1,000,000 that do not exist with WB004.';

create or replace function pgcanvas.everybodys_role(p_visibility text)
  returns pgcanvas.room_role language sql immutable parallel safe
return case p_visibility when 'open' then 'editor'::pgcanvas.room_role when 'readable' then 'viewer'::pgcanvas.room_role end;
comment on function pgcanvas.everybodys_role is 'What a room gives everybody; null: nothing.';

create or replace function pgcanvas.list_rooms(p_after text, p_limit integer, p_user text default null)
  returns table (id bigint, slug text, epoch uuid, last_seq bigint, min_since bigint, policy text, visibility text,
                 shape_count bigint, created_at timestamptz, touched_at timestamptz, touched_by text, role text)
  language sql stable security definer set search_path = pgcanvas, pg_catalog, pg_temp as $$
  select r.id, r.slug, r.epoch, greatest(e.seq, r.min_since), r.min_since, r.policy, r.visibility,
         (select count(*) from shapes s where s.room_id = r.id), r.created_at, coalesce(e.at, r.created_at), last_author(r.id, e.seq),
         greatest(everybodys_role(r.visibility), m.role)::text
  from rooms r left join members m on m.room_id = r.id and m.user_id = p_user cross join lateral room_end(r.id) as e
  where (r.visibility <> 'private' or m.role is not null) and (p_after is null or r.slug > p_after)
  order by r.slug limit p_limit
$$;
comment on function pgcanvas.list_rooms is
  'Rooms by slug, after a given one, and what somebody may there: those that everybody may look at, and their own.';
