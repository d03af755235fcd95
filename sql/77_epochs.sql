-- When the database was put back to an earlier state, clients hold a future that never was: a new epoch makes them start anew.

create or replace function pgcanvas.new_epoch(p_room text default null)
  returns bigint language plpgsql volatile security definer set search_path = pgcanvas, pg_catalog, pg_temp as $$
declare
  v_only bigint := case when p_room is not null then known_room(p_room) end;
  v_rooms bigint := 0;
  v_channel text;
begin
  for v_channel in update rooms set epoch = gen_random_uuid() where v_only is null or id = v_only returning channel loop
    perform pg_notify(v_channel, 'e');
    v_rooms := v_rooms + 1;
  end loop;
  return v_rooms;
end $$;
comment on function pgcanvas.new_epoch is
  'Gives a room, or all (null), a new epoch and rings: every client gets the board anew, those who are connected too. Says how many '
  'rooms.';

-- A dump's data may be restored into a database that was migrated: that has these rows already, and they are its own.
create or replace function pgcanvas.tg_meta__keep()
  returns trigger language plpgsql volatile set search_path = pgcanvas, pg_catalog, pg_temp as $$
begin
  return case when not exists (select from meta) then new end;
end $$;
comment on function pgcanvas.tg_meta__keep is 'Leaves a second row out: what is there is true of this database.';
create or replace trigger _100_keep before insert on pgcanvas.meta for each row execute function pgcanvas.tg_meta__keep();
comment on trigger _100_keep on pgcanvas.meta is 'Keeps the one row.';

create or replace function pgcanvas.tg_bundle_objects__keep()
  returns trigger language plpgsql volatile set search_path = pgcanvas, pg_catalog, pg_temp as $$
begin
  return case when not exists (select from bundle_objects o where o.name = new.name) then new end;
end $$;
comment on function pgcanvas.tg_bundle_objects__keep is 'Leaves out what a dump says of an object that is here, too.';
create or replace trigger _100_keep before insert on pgcanvas.bundle_objects
  for each row when (pgcanvas.puts_back()) execute function pgcanvas.tg_bundle_objects__keep();
comment on trigger _100_keep on pgcanvas.bundle_objects is 'Keeps what is here.';

create or replace function pgcanvas.tg_migrations__keep()
  returns trigger language plpgsql volatile set search_path = pgcanvas, pg_catalog, pg_temp as $$
begin
  return case when not exists (select from migrations m where m.version = new.version and m.checksum = new.checksum) then new end;
end $$;
comment on function pgcanvas.tg_migrations__keep is 'Leaves out a migration that ran here, too.';
do $$ begin
  if to_regclass('pgcanvas.migrations') is not null then
    create or replace trigger _100_keep before insert on pgcanvas.migrations for each row execute function pgcanvas.tg_migrations__keep();
    comment on trigger _100_keep on pgcanvas.migrations is 'Keeps what ran.';
  end if;
end $$;

create or replace function pgcanvas.where_it_runs(out system_identifier bigint, out timeline integer, out database_oid oid,
  out rooms_oid oid)
  language plpgsql stable set search_path = pgcanvas, pg_catalog, pg_temp as $$
begin
  database_oid := (select d.oid from pg_database d where d.datname = current_database());
  rooms_oid := 'pgcanvas.rooms'::regclass;
  system_identifier := (select s.system_identifier from pg_control_system() as s);
  -- Not from pg_control_checkpoint, which lags behind a promotion until the next checkpoint.
  timeline := ('x' || left(pg_walfile_name(pg_current_wal_lsn()), 8))::bit(32)::integer;
exception when others then null;  -- a hosted server may keep these to itself: what it told counts
end $$;
comment on function pgcanvas.where_it_runs is
  'The cluster, its timeline, the database and the table of rooms; a restore changes at least one, except a cold copy put back in '
  'place.';

create or replace function pgcanvas.check_rewind()
  returns bigint language plpgsql volatile security definer set search_path = pgcanvas, pg_catalog, pg_temp as $$
declare
  v_now record;
  v_was meta;
begin
  select * into v_now from where_it_runs();
  -- Asked by every connection of every node: nobody is held up while nothing has changed, and a server that only reads can be read.
  if current_setting('transaction_read_only')::boolean or exists (
      select from meta m where (m.system_identifier, m.timeline, m.database_oid, m.rooms_oid)
        is not distinct from (v_now.system_identifier, v_now.timeline, v_now.database_oid, v_now.rooms_oid)) then
    return null;
  end if;
  select * into v_was from meta for update;
  update meta set system_identifier = v_now.system_identifier, timeline = v_now.timeline, database_oid = v_now.database_oid,
    rooms_oid = v_now.rooms_oid
  where (v_was.system_identifier, v_was.timeline, v_was.database_oid, v_was.rooms_oid)
    is distinct from (v_now.system_identifier, v_now.timeline, v_now.database_oid, v_now.rooms_oid);
  if coalesce(v_was.system_identifier <> v_now.system_identifier, false) or coalesce(v_was.timeline <> v_now.timeline, false)
    or v_was.database_oid <> v_now.database_oid or v_was.rooms_oid <> v_now.rooms_oid then
    return new_epoch(null);
  end if;
  return null;
end $$;
comment on function pgcanvas.check_rewind is
  'Notes where the database runs. Where that is not where it last did, it was restored or failed over: all rooms get a new epoch, and '
  'it says how many; else null.';
