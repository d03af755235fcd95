-- Who speaks for a client. Batches are told with the names of their clients, and a batch is a repeat by client and op_id: whoever knew the
-- name alone could use up numbers, and the client's own batches would be taken for repeats.

create or replace function pgcanvas.claim_client(p_client uuid, p_key_hash bytea)
  returns boolean language plpgsql volatile security definer set search_path = pgcanvas, pg_catalog, pg_temp as $$
begin
  if p_key_hash is not null then
    insert into client_keys (client, key_hash) values (p_client, p_key_hash) on conflict (client) do nothing;
    update client_keys k set used_at = now()
      where k.client = p_client and k.key_hash = p_key_hash and k.used_at < now() - interval '1 day';
  end if;
  return not exists (select from client_keys k where k.client = p_client and k.key_hash is distinct from p_key_hash);
end $$;
comment on function pgcanvas.claim_client is
  'Whether somebody with this key (a hash; null: none) may speak for a client: who brings the first key, or the same again; anybody '
  'while there is none.';
