-- A client's name is told to everybody who hears of its batches. Who gives it a key is the only one to speak for it from then on.
create table pgcanvas.client_keys (
  client    uuid not null,
  key_hash  bytea not null,
  used_at   timestamptz not null default now(),
  constraint client_keys_pkey primary key (client),
  constraint client_keys_key_hash_check check (octet_length(key_hash) = 32)
);

comment on table pgcanvas.client_keys is 'Clients that speak with a key: nobody else may, who knows the name alone.';
comment on column pgcanvas.client_keys.client is 'The device or tab.';
comment on column pgcanvas.client_keys.key_hash is 'SHA-256 of its key.';
comment on column pgcanvas.client_keys.used_at is 'When it last came with its key, to the day.';
comment on index pgcanvas.client_keys_pkey is 'One key per client.';
