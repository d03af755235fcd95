-- The schema's own facts. Roles are made by the present (sql/90_grants.sql): they belong to the cluster, not to one database.
create extension if not exists btree_gist;

create table pgcanvas.meta (
  only_row     boolean primary key default true,
  contract     integer not null default 0,
  bundle_hash  text not null default '',
  migrated_at  timestamptz not null default now(),
  constraint meta_only_row_check check (only_row)
);
insert into pgcanvas.meta default values;

comment on table pgcanvas.meta is 'One row: the contract number nodes check, and the hash of the sql/ bundle that is applied.';
comment on column pgcanvas.meta.only_row is 'Always true: there is one row.';
comment on column pgcanvas.meta.contract is 'Number of the contract between nodes and procedures; a node refuses another one.';
comment on column pgcanvas.meta.bundle_hash is 'SHA-256 of the sql/ bundle applied last.';
comment on column pgcanvas.meta.migrated_at is 'When the bundle was applied last.';
