-- The chain: each batch's hash covers the one before it and the batch's rows, so that a row that was altered, removed or slipped in shows.
-- Names are not hashed as they are but as pseudonyms, drawn from a salt per room and name. So a person can be erased: the pseudonym takes
-- the name's place, the salt goes, and the chain still verifies, against hashes that were noted elsewhere too.

create or replace function pgcanvas.pseudonym(p_room_id bigint, p_name text)
  returns text language plpgsql stable as $$
begin
  if p_name like 'erased:%' then return substr(p_name, 8); end if;
  return (select encode(sha256(p.salt || convert_to(p_name, 'UTF8')), 'hex') from pgcanvas.pseudonyms p where p.room_id = p_room_id
    and p.name = p_name);
end $$;
comment on function pgcanvas.pseudonym is 'What stands for a name in a room''s chain; an erased name is its own pseudonym.';

create or replace function pgcanvas.client_pseudonym(p_room_id bigint, p_author text, p_client uuid)
  returns uuid language plpgsql stable as $$
begin
  if p_author like 'erased:%' then return p_client; end if;
  return (select left(encode(sha256(p.salt || uuid_send(p_client)), 'hex'), 32)::uuid from pgcanvas.pseudonyms p
          where p.room_id = p_room_id and p.name = p_author);
end $$;
comment on function pgcanvas.client_pseudonym is 'What stands for a person''s device in a room''s chain.';

create or replace function pgcanvas.keep_pseudonyms(p_room_id bigint, p_names text[])
  returns void language plpgsql volatile as $$
begin
  insert into pgcanvas.pseudonyms (room_id, name, salt)
    select p_room_id, n, uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid()) from unnest(p_names) as n
    where n is not null and n not like 'erased:%' on conflict do nothing;
end $$;
comment on function pgcanvas.keep_pseudonyms is 'Draws a salt for each name that has none.';

create or replace function pgcanvas.renamed_shape(p_room_id bigint, p_shape jsonb)
  returns jsonb language plpgsql stable as $$
begin
  return p_shape || jsonb_build_object('created_by', pgcanvas.pseudonym(p_room_id, p_shape ->> 'created_by'),
                                       'updated_by', pgcanvas.pseudonym(p_room_id, p_shape ->> 'updated_by'));
end $$;
comment on function pgcanvas.renamed_shape is 'A logged shape with pseudonyms for names.';

create or replace function pgcanvas.canonical_text(p_row pgcanvas.shape_changes)
  returns text language plpgsql stable as $$
begin
  return json_build_array(p_row.seq, p_row.ordinal, p_row.op, p_row.shape_id,
    case p_row.op when 'put' then pgcanvas.renamed_shape(p_row.room_id, (p_row.change -> 'shape')::jsonb)::text else p_row.change::text end,
    case p_row.op when 'delete' then pgcanvas.renamed_shape(p_row.room_id, p_row.before::jsonb)::text else p_row.before::text end,
    pgcanvas.pseudonym(p_row.room_id, p_row.author), pgcanvas.client_pseudonym(p_row.room_id, p_row.author, p_row.client), p_row.op_id,
    pgcanvas.iso(p_row.at), pgcanvas.pseudonym(p_row.room_id, p_row.db_role), p_row.xid::text)::text
    -- Behind what chains covered from the beginning, so that those that stand go on to verify.
    || case when p_row.role is not null or p_row.client is null
         then coalesce(nullif(json_strip_nulls(json_build_object('role', p_row.role, 'gesture', p_row.gesture, 'undoes',
           p_row.undoes))::text, '{}'), '')
         else '' end;
end $$;
comment on function pgcanvas.canonical_text is 'A row of the log as it is hashed.';

create or replace function pgcanvas.chain_batch(p_room_id bigint, p_seq bigint)
  returns boolean language plpgsql volatile as $$
declare
  v_rows text;
begin
  perform pgcanvas.keep_pseudonyms(p_room_id, (
    select array_agg(distinct n) from pgcanvas.shape_changes c
    cross join unnest(array[c.author, c.db_role, c.change #>> '{shape,created_by}', c.change #>> '{shape,updated_by}',
                            c.before ->> 'created_by', c.before ->> 'updated_by']) as n
    where c.room_id = p_room_id and c.seq = p_seq));
  select string_agg(pgcanvas.canonical_text(c), E'\n' order by c.ordinal) into v_rows
    from pgcanvas.shape_changes c where c.room_id = p_room_id and c.seq = p_seq;
  if v_rows is null then return false; end if;
  insert into pgcanvas.batch_hashes (room_id, seq, hash)
    select p_room_id, p_seq, sha256(h.hash || convert_to(v_rows, 'UTF8')) from pgcanvas.batch_hashes h where h.room_id = p_room_id
      and h.seq = p_seq - 1;
  return true;
end $$;
comment on function pgcanvas.chain_batch is 'Chains a batch to the one before; false when its rows are not logged yet.';

create or replace function pgcanvas.chain_batches(p_room_id bigint)
  returns void language plpgsql volatile set search_path = pgcanvas, pg_catalog, pg_temp as $$
declare
  v_seq bigint;
  v_last_seq bigint;
begin
  if not exists (select from rooms r where r.id = p_room_id and r.chained_since is not null) then return; end if;
  v_last_seq := (room_end(p_room_id)).seq;
  v_seq := (select max(h.seq) from batch_hashes h where h.room_id = p_room_id);
  while v_seq < v_last_seq loop
    v_seq := v_seq + 1;
    exit when not chain_batch(p_room_id, v_seq);
  end loop;
end $$;
comment on function pgcanvas.chain_batches is
  'Chains what was logged in a room that asked for it, up to its last batch, which must be whole.';

create or replace function pgcanvas.chain_room(p_room text, p_chained boolean default true)
  returns void language plpgsql volatile security definer set search_path = pgcanvas, pg_catalog, pg_temp as $$
declare
  v_id bigint := known_room(p_room);
  v_room rooms;
  v_last_seq bigint;
begin
  select * into v_room from rooms r where r.id = v_id for update;
  if p_chained = (v_room.chained_since is not null) then return; end if;
  delete from batch_hashes where room_id = v_id;
  delete from pseudonyms where room_id = v_id;
  v_last_seq := last_seq(v_id, v_room.min_since);
  update rooms set chained_since = case when p_chained then v_last_seq end where id = v_id;
  if p_chained then
    insert into batch_hashes (room_id, seq, hash) values (v_id, v_last_seq,
      sha256(uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid())));
  end if;
end $$;
comment on function pgcanvas.chain_room is 'Begins or ends the chain of a room, at the batch where it is.';

create or replace function pgcanvas.verify_chain(p_room_id bigint, p_anchor bigint)
  returns table (seq bigint, fault text)
  language plpgsql stable set search_path = pgcanvas, pg_catalog, pg_temp as $$
#variable_conflict use_column
begin
  if not exists (select from batch_hashes h where h.room_id = p_room_id and h.seq = p_anchor) then
    return query select p_anchor, 'the hash that anchors the chain is not there';
  end if;
  return query
    select b.seq, case when h.hash is null then 'the batch is not in the chain' else 'the batch is not what was chained' end
    from (select c.seq, string_agg(canonical_text(c), E'\n' order by c.ordinal) as rows
          from shape_changes c where c.room_id = p_room_id and c.seq > p_anchor group by c.seq) as b
    left join batch_hashes h on h.room_id = p_room_id and h.seq = b.seq
    left join batch_hashes before on before.room_id = p_room_id and before.seq = b.seq - 1
    where h.hash is distinct from sha256(before.hash || convert_to(b.rows, 'UTF8')) and (before.hash is not null or h.hash is null);
end $$;
comment on function pgcanvas.verify_chain is 'What does not fit its hash.';

create or replace function pgcanvas.verify(p_room text)
  returns table (seq bigint, fault text)
  language plpgsql stable security definer set search_path = pgcanvas, pg_catalog, pg_temp set extra_float_digits = 1 as $$
#variable_conflict use_column
declare
  v_room rooms := (select r from rooms r where r.id = known_room(p_room));
  v_logged_seq bigint := last_seq(v_room.id, v_room.min_since);
  -- A log that lost its end is given away by what else came of its batches.
  v_last_seq bigint := greatest(v_logged_seq, (select max(s.seq) from shapes s where s.room_id = v_room.id),
    (select max(g.seq) from tombstones g where g.room_id = v_room.id), (select max(h.seq) from batch_hashes h where h.room_id = v_room.id),
    (select max(a.seq) from applied_ops a where a.room_id = v_room.id));
begin
  return query
    select n, 'the batch is not in the log'
    from generate_series(v_room.min_since + 1, v_last_seq) as n
    where not exists (select from shape_changes c where c.room_id = v_room.id and c.seq = n);
  return query
    select distinct c.seq, 'the room never came to this batch' from shape_changes c
    where c.room_id = v_room.id and c.seq <= v_room.min_since;
  if v_room.chained_since is not null then
    return query select v.seq, v.fault from verify_chain(v_room.id, greatest(v_room.chained_since, v_room.min_since)) as v;
  end if;
  return query
    select v_logged_seq, format('shape %s is not what the log makes of it', coalesce(folded.shape_id, now.id))
    from shapes_at(v_room.id, v_logged_seq, null, '', null) as folded
    full join (select s.id, shape_json(s)::jsonb as shape from shapes s where s.room_id = v_room.id) as now on now.id = folded.shape_id
    where folded.shape::jsonb is distinct from now.shape;
end $$;
comment on function pgcanvas.verify is
  'What is wrong with a room''s log, a row per fault: a batch missing, one too many, one altered (in a chained room), a shape that is '
  'not what the log makes of it. No rows: all is well.';

create or replace function pgcanvas.chain_head(p_room text)
  returns table (seq bigint, hash text)
  language sql stable security definer set search_path = pgcanvas, pg_catalog, pg_temp as $$
  select h.seq, encode(h.hash, 'hex') from batch_hashes h where h.room_id = known_room(p_room) order by h.seq desc limit 1
$$;
comment on function pgcanvas.chain_head is
  'The newest hash of a room''s chain: noted elsewhere, it holds even the database''s owner to what was.';
