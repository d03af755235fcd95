-- What a room that goes leaves behind. It is gone at once for everybody; rows that are many go in pieces, each in a transaction of its own.

create or replace function pgcanvas.remove_rows(p_room_id bigint, p_limit bigint)
  returns bigint language plpgsql volatile set search_path = pgcanvas, pg_catalog, pg_temp
  -- Row by row by the key, whatever the plan was made on.
  set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off set jit = off as $$
declare
  v_setting text := set_config('pgcanvas.applying', 'yes', true);  -- past the triggers of shapes: nobody is left to tell
  v_table record;
  v_gone bigint;
  v_all bigint := 0;
begin
  for v_table in select * from (values ('shapes', '{room_id,id}'::text[]), ('shape_changes', '{room_id,seq,ordinal}'),
      ('applied_ops', '{room_id,client,op_id}'), ('tombstones', '{room_id,id}'), ('gestures', '{room_id,author,client,op_id}'),
      ('snapshot_shapes', '{room_id,seq,shape_id}'), ('snapshots', '{room_id,seq}'), ('log_tallies', '{room_id}'),
      ('batch_hashes', '{room_id,seq}'), ('pseudonyms', '{room_id,name}'), ('file_uses', '{room_id,sha256}'),
        ('file_tallies', '{room_id}')) as t (name, key) loop
    execute format('delete from pgcanvas.%1$I t using (select %2$s from pgcanvas.%1$I where room_id = $1 limit $2) as k where %3$s',
        v_table.name, array_to_string(v_table.key, ', '),
        (select string_agg(format('t.%1$I = k.%1$I', c), ' and ') from unnest(v_table.key) as c))
      using p_room_id, p_limit - v_all;
    get diagnostics v_gone = row_count;
    v_all := v_all + v_gone;
    exit when v_all >= p_limit;
  end loop;
  v_setting := set_config('pgcanvas.applying', '', true);
  return v_all;
end $$;
comment on function pgcanvas.remove_rows is
  'Removes at most so many rows of a room that is gone, and says how many; fewer: there are no more.';

create or replace function pgcanvas.tg_rooms__forget()
  returns trigger language plpgsql volatile security definer set search_path = pgcanvas, pg_catalog, pg_temp as $$
declare
  -- Who writes a snapshot of it in this moment would leave that behind.
  v_alone boolean := pg_try_advisory_xact_lock(upkeep_lock('snapshots'));
begin
  if remove_rows(old.id, 10000) = 10000 or not v_alone then
    insert into deleted_rooms (room_id) values (old.id) on conflict do nothing;
  end if;
  perform pg_notify(old.channel, 'x');
  return null;
end $$;
comment on function pgcanvas.tg_rooms__forget is
  'A room that goes takes all its rows with it, or its first 10,000 and leaves the others to remove_remains; its viewers are told.';

create or replace function pgcanvas.tg_rooms__begin_empty()
  returns trigger language plpgsql volatile security definer set search_path = pgcanvas, pg_catalog, pg_temp as $$
begin
  if exists (select from deleted_rooms d where d.room_id = new.id) then
    perform pg_advisory_xact_lock(upkeep_lock('snapshots'));  -- who removes them now is done first
    while remove_rows(new.id, 10000) = 10000 loop end loop;
    delete from deleted_rooms where room_id = new.id;
  end if;
  return null;
end $$;
comment on function pgcanvas.tg_rooms__begin_empty is 'A room that has the number of one that was deleted has nothing of it.';

create or replace function pgcanvas.remove_remains(p_limit bigint default 10000)
  returns bigint language plpgsql volatile security definer set search_path = pgcanvas, pg_catalog, pg_temp as $$
declare
  v_room bigint;
  v_gone bigint;
begin
  if not pg_try_advisory_xact_lock(upkeep_lock('snapshots')) then return null; end if;  -- another node is at it
  select d.room_id into v_room from deleted_rooms d
    where not exists (select from rooms r where r.id = d.room_id) order by d.deleted_at limit 1;
  if v_room is null then return null; end if;
  v_gone := remove_rows(v_room, p_limit);
  if v_gone < p_limit then delete from deleted_rooms where room_id = v_room; end if;
  return v_gone;
end $$;
comment on function pgcanvas.remove_remains is
  'Removes at most so many rows that deleted rooms left behind, and says how many; null: there are none, or somebody else is at it.';

create or replace trigger _600_forget after delete on pgcanvas.rooms for each row execute function pgcanvas.tg_rooms__forget();
create or replace trigger _650_begin_empty after insert on pgcanvas.rooms for each row execute function pgcanvas.tg_rooms__begin_empty();
comment on trigger _600_forget on pgcanvas.rooms is 'Cleans up after a room.';
comment on trigger _650_begin_empty on pgcanvas.rooms is 'Removes what an earlier room of this number left.';
