-- What a node asks first.

create or replace function pgcanvas.contract()
  returns integer language sql stable security definer set search_path = pgcanvas, pg_catalog, pg_temp as $$
  select m.contract from meta m
$$;
comment on function pgcanvas.contract is 'Number of the contract between nodes and procedures.';

-- The table of history belongs to the program that runs the migrations; it is absent where they were run by hand.
do $$ begin
  if to_regclass('pgcanvas.migrations') is not null then
    comment on table pgcanvas.migrations is 'Which migrations ran; written by refinery.';
    comment on column pgcanvas.migrations.version is 'Number of the migration.';
    comment on column pgcanvas.migrations.name is 'Name of the migration.';
    comment on column pgcanvas.migrations.applied_on is 'When it ran.';
    comment on column pgcanvas.migrations.checksum is 'Checksum of its file.';
  end if;
end $$;
