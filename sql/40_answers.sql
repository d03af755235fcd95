-- First answers: who sends a batch again gets the answer that it had, and nothing changes. A batch of which each op was applied, and is a
-- row of the log, is answered from there; applied_ops keeps the answers that the log cannot tell: gone, unchanged, what an undo left alone.

create or replace function pgcanvas.batch_hash(p_room_id bigint, p_client uuid, p_op_id bigint)
  returns bigint language sql immutable parallel safe
return uuid_hash_extended(p_client, hashint8extended(p_op_id, p_room_id));
comment on function pgcanvas.batch_hash is 'What the index shape_changes_batch_idx holds of a batch: a third of what the three take.';

-- "room_id + 0" and "is true": put plainly, a room's whole log might be read through by its key.
create or replace function pgcanvas.logged_answer(p_room_id bigint, p_client uuid, p_op_id bigint, out seq bigint, out outcomes text[])
  language plpgsql stable as $$
begin
  select c.seq into seq from pgcanvas.shape_changes c
    where pgcanvas.batch_hash(c.room_id, c.client, c.op_id) = pgcanvas.batch_hash(p_room_id, p_client, p_op_id)
      and c.client = p_client and c.op_id = p_op_id and c.room_id + 0 = p_room_id and (c.ordinal = 1) is true limit 1;
  if seq is null then return; end if;
  outcomes := array_fill('applied'::text, array[(select max(c.ordinal)::integer from pgcanvas.shape_changes c
    where c.room_id = p_room_id and c.seq = logged_answer.seq)]);
end $$;
comment on function pgcanvas.logged_answer is
  'What a batch was answered, as the log has it: each op applied. Nulls when the log has no such batch.';

create or replace function pgcanvas.first_answer(p_room_id bigint, p_client uuid, p_op_id bigint,
  out seq bigint, out outcomes text[], out left_alone json)
  language plpgsql stable as $$
begin
  if p_client is null then return; end if;
  select a.seq, a.outcomes, a.left_alone into seq, outcomes, left_alone from pgcanvas.applied_ops a
    where a.room_id = p_room_id and a.client = p_client and a.op_id = p_op_id;
  if found then return; end if;
  select l.seq, l.outcomes into seq, outcomes from pgcanvas.logged_answer(p_room_id, p_client, p_op_id) as l;
end $$;
comment on function pgcanvas.first_answer is 'What a batch was answered when it was sent first; nulls when it was not, or sql.';

create or replace function pgcanvas.known_answers(p_room_ids bigint[], p_clients uuid[], p_op_ids bigint[], p_locked bigint[])
  returns pgcanvas.batch_answer[] language plpgsql stable as $$
begin
  return (
    select array_agg(case
        when not coalesce(b.room_id = any (p_locked), false) then row(b.n, 'not_found', null, null)::pgcanvas.batch_answer
        when b.twin_of < b.n then row(b.twin_of, 'twin', null, null)::pgcanvas.batch_answer
        when a.op_id is not null then row(b.n, 'repeat', a.seq, a.outcomes)::pgcanvas.batch_answer
        when l.op_id is not null then (select row(b.n, 'repeat', f.seq, f.outcomes)::pgcanvas.batch_answer
          from pgcanvas.logged_answer(b.room_id, b.client, b.op_id) as f)
        else row(b.n, 'fresh', null, null)::pgcanvas.batch_answer end order by b.n)
    from (
      select u.*, case when u.client is null then u.n else min(u.n) over (partition by u.room_id, u.client, u.op_id) end as twin_of
      from unnest(p_room_ids, p_clients, p_op_ids) with ordinality as u (room_id, client, op_id, n)) as b
    left join pgcanvas.applied_ops a on a.room_id = b.room_id and a.client = b.client and a.op_id = b.op_id
    left join lateral (select c.op_id from pgcanvas.shape_changes c
      where pgcanvas.batch_hash(c.room_id, c.client, c.op_id) = pgcanvas.batch_hash(b.room_id, b.client, b.op_id)
        and c.client = b.client and c.op_id = b.op_id and c.room_id + 0 = b.room_id and (c.ordinal = 1) is true limit 1) as l on true);
end $$;
comment on function pgcanvas.known_answers is
  'What is known of each batch beforehand: the answer of a repeat; which earlier batch of the call a twin repeats; fresh; or not_found.';

create or replace function pgcanvas.keep_answers(p_calls pgcanvas.batch_list, p_results pgcanvas.batch_results)
  returns void language plpgsql volatile as $$
begin
  if 'kept' <> all (p_results.codes) then return; end if;
  insert into pgcanvas.applied_ops (room_id, client, op_id, seq, outcomes)
    select u.room_id, u.client, u.op_id, u.seq, coalesce(string_to_array(u.outcomes, ','), '{}')
    from unnest(p_calls.room_ids, p_calls.clients, p_calls.op_ids, p_results.codes, p_results.seqs, p_results.outcomes)
      as u (room_id, client, op_id, code, seq, outcomes)
    where u.code = 'kept' and u.client is not null;
end $$;
comment on function pgcanvas.keep_answers is 'Keeps the answers that the log cannot tell.';

create or replace function pgcanvas.keep_logged_answers(p_room_id bigint, p_cut bigint)
  returns void language sql volatile set search_path = pgcanvas, pg_catalog, pg_temp as $$
  insert into applied_ops (room_id, client, op_id, seq, outcomes, at)
    select c.room_id, c.client, c.op_id, c.seq, array_fill('applied'::text, array[count(*)::integer]), min(c.at) from shape_changes c
    where c.room_id = p_room_id and c.seq <= p_cut and c.client is not null group by c.room_id, c.client, c.op_id, c.seq
    on conflict do nothing
$$;
comment on function pgcanvas.keep_logged_answers is 'Keeps the answers of batches that the log is about to forget.';

create or replace function pgcanvas.answers_of(p_known pgcanvas.batch_answer[], p_results pgcanvas.batch_results)
  returns table (batch integer, code text, seq bigint, outcomes text[], stage text)
  language plpgsql stable as $$
#variable_conflict use_column
declare
  v_codes text[] := p_results.codes;
  v_seqs bigint[] := p_results.seqs;
  v_outcomes text[] := p_results.outcomes;
  v_first integer;
begin
  for i in 1..cardinality(v_codes) loop
    if v_codes[i] = 'repeat' then
      v_seqs[i] := (p_known[i]).seq;
      v_outcomes[i] := array_to_string((p_known[i]).outcomes, ',');
    elsif v_codes[i] = 'twin' then
      v_first := (p_known[i]).batch;
      v_codes[i] := case when v_codes[v_first] in ('fresh', 'kept') then 'twin' else v_codes[v_first] end;
      v_seqs[i] := v_seqs[v_first];
      v_outcomes[i] := v_outcomes[v_first];
    end if;
  end loop;
  return query
    select u.n::integer, case u.code when 'kept' then 'fresh' else u.code end, u.seq,
      case when u.code in ('conflict', 'not_found') then null else coalesce(string_to_array(u.outcomes, ','), '{}') end, u.stage
    from unnest(v_codes, v_seqs, v_outcomes, p_results.stages) with ordinality as u (code, seq, outcomes, stage, n);
end $$;
comment on function pgcanvas.answers_of is
  'The answer of each batch: a repeat''s first one, a twin''s the one of the batch that it repeats.';
