-- Erasing a person: the name goes, what was drawn stays.

create or replace function pgcanvas.renamed(p_shape jsonb, p_name text, p_new_name text)
  returns jsonb language sql immutable parallel safe
return p_shape || case when p_shape ->> 'created_by' = p_name then jsonb_build_object('created_by', p_new_name) else '{}' end
  || case when p_shape ->> 'updated_by' = p_name then jsonb_build_object('updated_by', p_new_name) else '{}' end;
comment on function pgcanvas.renamed is 'A shape where one name stands for another.';

create or replace function pgcanvas.erase_from_log(p_room_id bigint, p_name text, p_new_name text)
  returns bigint language plpgsql volatile set search_path = pgcanvas, pg_catalog, pg_temp as $$
declare
  v_changed bigint;
begin
  delete from client_keys k where k.client in (select c.client from shape_changes c where c.room_id = p_room_id and c.author = p_name);
  delete from applied_ops a where a.room_id = p_room_id
    and a.client in (select c.client from shape_changes c where c.room_id = p_room_id and c.author = p_name);
  update shape_changes c set
    author = case when c.author = p_name then p_new_name else c.author end,
    client = case when c.author = p_name then client_pseudonym(p_room_id, p_name, c.client) else c.client end,
    change = case when c.op = 'put' then json_build_object('op', 'put', 'shape', renamed((c.change -> 'shape')::jsonb, p_name, p_new_name))
             else c.change end,
    before = case when c.op = 'delete' then renamed(c.before::jsonb, p_name, p_new_name)::json else c.before end
  where c.room_id = p_room_id and (c.author = p_name or c.op = 'delete'
    and p_name in (c.before ->> 'created_by', c.before ->> 'updated_by'));
  get diagnostics v_changed = row_count;
  return v_changed;
end $$;
comment on function pgcanvas.erase_from_log is 'Replaces a name in a room''s log, devices along with it, and says in how many rows.';

create or replace function pgcanvas.erase_from_board(p_room_id bigint, p_name text, p_new_name text)
  returns bigint language plpgsql volatile set search_path = pgcanvas, pg_catalog, pg_temp as $$
declare
  v_setting text := set_config('pgcanvas.applying', 'yes', true);  -- no change of the board: not stamped, not logged
  v_changed bigint;
begin
  update shapes s set created_by = case when s.created_by = p_name then p_new_name else s.created_by end,
                      updated_by = case when s.updated_by = p_name then p_new_name else s.updated_by end
    where s.room_id = p_room_id and p_name in (s.created_by, s.updated_by);
  get diagnostics v_changed = row_count;
  v_setting := set_config('pgcanvas.applying', '', true);
  update snapshot_shapes s set shape = renamed(s.shape::jsonb, p_name, p_new_name)::json
    where s.room_id = p_room_id and p_name in (s.shape ->> 'created_by', s.shape ->> 'updated_by');
  update rooms r set owner = p_new_name where r.id = p_room_id and r.owner = p_name;
  update links l set created_by = p_new_name where l.room_id = p_room_id and l.created_by = p_name;
  return v_changed;
end $$;
comment on function pgcanvas.erase_from_board is
  'Replaces a name on a room''s board, in its snapshots, as its owner and as maker of its links, and says on how many shapes.';

create or replace function pgcanvas.erase_from_room(p_room_id bigint, p_name text)
  returns bigint language plpgsql volatile set search_path = pgcanvas, pg_catalog, pg_temp as $$
declare
  v_role text := case when p_name like 'sql:%' then substr(p_name, 5) end;
  v_changed bigint;
  v_logins bigint := 0;
begin
  perform from rooms r where r.id = p_room_id for update;
  perform keep_pseudonyms(p_room_id, array[p_name, v_role]);
  v_changed := erase_from_log(p_room_id, p_name, 'erased:' || pseudonym(p_room_id, p_name))
    + erase_from_board(p_room_id, p_name, 'erased:' || pseudonym(p_room_id, p_name));
  if v_role is not null then
    update shape_changes c set db_role = 'erased:' || pseudonym(p_room_id, v_role) where c.room_id = p_room_id and c.db_role = v_role;
    get diagnostics v_logins = row_count;
  end if;
  delete from pseudonyms p where p.room_id = p_room_id and p.name in (p_name, v_role);
  return v_changed + v_logins;
end $$;
comment on function pgcanvas.erase_from_room is
  'Erases a name from a room, its salt last: then nothing leads from the pseudonym back to it.';

create or replace function pgcanvas.rooms_that_name(p_name text)
  returns bigint[] language sql stable set search_path = pgcanvas, pg_catalog, pg_temp as $$
  select array_agg(n.room_id order by n.room_id) from (
    select c.room_id from shape_changes c where c.author = p_name or 'sql:' || c.db_role = p_name
      or c.op = 'delete' and p_name in (c.before ->> 'created_by', c.before ->> 'updated_by')
    union select s.room_id from shapes s where p_name in (s.created_by, s.updated_by)
    union select s.room_id from snapshot_shapes s where p_name in (s.shape ->> 'created_by', s.shape ->> 'updated_by')
    union select r.id from rooms r where r.owner = p_name
    union select l.room_id from links l where l.created_by = p_name
    union select p.room_id from pseudonyms p where p.name in (p_name, case when p_name like 'sql:%' then substr(p_name, 5) end)) as n
$$;
comment on function pgcanvas.rooms_that_name is
  'Rooms that a name stands in: log, board, snapshots, owner, makers of links. Locks nothing.';

create or replace function pgcanvas.erase_account(p_name text, p_room_id bigint)
  returns void language plpgsql volatile set search_path = pgcanvas, pg_catalog, pg_temp as $$
begin
  if p_room_id is not null then
    delete from members m where m.room_id = p_room_id and m.user_id = p_name;
    return;
  end if;
  if coalesce(p_name, '') = '' or p_name like 'erased:%' then
    raise exception 'name: must be a name as the log has it' using errcode = 'WB001';
  end if;
  delete from users u where u.id = p_name;
  delete from sign_in_attempts a where a.login = p_name;
end $$;
comment on function pgcanvas.erase_account is 'Removes somebody from the members of a room, or the account (null).';

create or replace procedure pgcanvas.erase_user(p_name text, inout p_rows bigint default 0)
  language plpgsql as $$
declare
  v_room bigint;
  v_changed bigint;
begin
  -- Membership first: with the account it would go in all rooms at once, and hold them all.
  foreach v_room in array array(select m.room_id from pgcanvas.members m where m.user_id = p_name order by m.room_id) loop
    perform pgcanvas.erase_account(p_name, v_room);
    commit;
  end loop;
  perform pgcanvas.erase_account(p_name, null);
  commit;
  foreach v_room in array coalesce(pgcanvas.rooms_that_name(p_name), '{}') loop
    v_changed := pgcanvas.erase_from_room(v_room, p_name);
    if v_changed > 0 then perform pgcanvas.new_epoch(v_room::text); end if;  -- whoever has the board open holds the name too
    p_rows := p_rows + v_changed;
    commit;
  end loop;
end $$;
comment on procedure pgcanvas.erase_user is
  'Replaces a name, as the log has it, by a pseudonym in every room: log, board, snapshots; the account goes. Boards stay as they are, '
  'chains verify. Room by room, each in a transaction of its own: called again after it was interrupted, it goes on. Says how many '
  'rows it changed.';
