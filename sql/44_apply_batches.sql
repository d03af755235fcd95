-- apply_batches: the way in for everybody. Many batches of many rooms in one call and one transaction:
-- 1. lock the rooms in id order, find the first answers of repeats 2. read what is known of the shapes that are named 3. plan: work out, op
-- after op, in numbers alone, which apply, at which version and seq; fold the ops of each shape into one row  4. write shapes and log, one
-- statement each 5. notify 6. keep the answers that the log cannot tell. What cannot be told from numbers yet (an op on a shape that a put,
-- a delete or an append of this call touched before it) waits for a next round of 2 to 4, with all that follows in its room. A batch that
-- does
-- what is seldom done goes one by one (sql/43_one_by_one.sql), in the same transaction.

create or replace function pgcanvas.lock_rooms(p_room_ids bigint[])
  returns pgcanvas.room_list language plpgsql volatile as $$
declare
  v_rooms pgcanvas.room_list;
begin
  select array_agg(r.id), array_agg(r.policy::text), array_agg(r.channel), array_agg(r.chained_since is not null), array_agg(r.min_since)
    into v_rooms.ids, v_rooms.policies, v_rooms.channels, v_rooms.chained, v_rooms.seqs
    from (select r.* from pgcanvas.rooms r where r.id = any (p_room_ids) order by r.id for no key update) as r;
  select e.seqs, e.ats into v_rooms.seqs, v_rooms.ats from pgcanvas.room_ends(v_rooms.ids, v_rooms.seqs) as e;
  if current_setting('transaction_isolation') in ('repeatable read', 'serializable') then
    for r in 1..coalesce(cardinality(v_rooms.ids), 0) loop perform pgcanvas.refuse_old_snapshot(v_rooms.ids[r],
      v_rooms.seqs[r] + 1); end loop;
  end if;
  v_rooms.told_seqs := v_rooms.seqs;
  v_rooms.lines := array_fill(null::text, array[coalesce(cardinality(v_rooms.ids), 0)]);
  return v_rooms;
end $$;
comment on function pgcanvas.lock_rooms is 'Locks rooms, in the order of their numbers, and tells where they are.';

-- Arrays are taken into variables before loops: in a field of a record each would be read from its beginning for every element.
create or replace function pgcanvas.plan_batches(p_calls pgcanvas.batch_list, p_rooms pgcanvas.room_list, p_ops pgcanvas.op_list,
  p_named pgcanvas.named_ops)
  returns text[] language plpgsql stable as $$
declare
  v_batches integer[] := p_ops.batches;
  v_verbs text[] := p_ops.verbs;
  v_bases bigint[] := p_ops.bases;
  v_slots integer[] := p_named.slots;
  v_kinds text[] := p_named.kinds;
  v_puts text[] := p_named.puts;
  v_refs boolean[] := p_named.refs;
  v_deleting boolean[] := array_fill(false, array[cardinality(p_rooms.ids)]);  -- by room: whether something is deleted in this round
  v_referring boolean[] := v_deleting;  -- or comes to refer to something, which a deletion then has to see
  v_versions bigint[] := p_named.versions;  -- in strict rooms as the batches so far leave it
  v_named text[] := array_fill(null::text, array[cardinality(v_batches)]);  -- by slot: what named it, put, patch, append or delete
  v_waiting boolean[] := array_fill(false, array[cardinality(p_rooms.ids)]);  -- by room: the rest is left to the next round
  v_began boolean[] := v_waiting;
  v_hows text[];
  v_how text;
  v_policy text;
  v_room integer;
  n integer := 1;
  m integer;
begin
  while n <= cardinality(v_batches) loop
    v_room := p_calls.room_of[v_batches[n]];
    v_policy := p_rooms.policies[v_room];
    v_how := case when v_waiting[v_room] then 'wait' else 'now' end;
    m := n;
    while v_batches[m] = v_batches[n] loop
      v_how := case
        when v_how = 'wait' or v_how = 'general' then v_how
        when v_kinds[m] in ('general', 'referred') or v_kinds[m] = 'put' and v_puts[m] is null
          or v_refs[m] and v_deleting[v_room] or v_verbs[m] = 'delete' and v_referring[v_room]
          or v_policy = 'offset' and v_verbs[m] = 'put' and v_versions[v_slots[m]] is null then
          case when v_began[v_room] then 'wait' else 'general' end
        when v_named[v_slots[m]] is not null and (v_named[v_slots[m]] = 'delete' or v_verbs[m] not in ('patch', 'append')
          or v_named[v_slots[m]] = 'append' and v_kinds[m] = 'points') then 'wait'
        when v_policy = 'strict' and v_versions[v_slots[m]] is not null and (v_bases[m] = v_versions[v_slots[m]]) is not true
          then 'conflict'
        else v_how end;
      if v_refs[m] then v_referring[v_room] := true; end if;
      if v_verbs[m] = 'delete' then v_deleting[v_room] := true; end if;
      if v_named[v_slots[m]] is null or v_verbs[m] <> 'patch' then v_named[v_slots[m]] := v_verbs[m]; end if;
      m := m + 1;
    end loop;
    if v_how in ('wait', 'general') then v_waiting[v_room] := true; else v_began[v_room] := true; end if;
    for i in n..m - 1 loop
      v_hows[i] := v_how;
      if v_policy = 'strict' and v_how = 'now' and (v_versions[v_slots[i]] is not null or v_verbs[i] = 'put')
        and v_puts[i] is distinct from '' then
        v_versions[v_slots[i]] := coalesce(v_versions[v_slots[i]], p_named.deaths[v_slots[i]], 0) + 1;
      end if;
    end loop;
    n := m;
  end loop;
  return v_hows;
end $$;
comment on function pgcanvas.plan_batches is
  'Of each op, when its batch is done: now; general (one by one, and the rest of its room waits); conflict (strict rooms: it is not); '
  'or wait, for the next round.';

create or replace function pgcanvas.number_ops(p_calls pgcanvas.batch_list, p_ops pgcanvas.op_list, p_named pgcanvas.named_ops,
  p_hows text[],
  p_rooms pgcanvas.room_list, p_results pgcanvas.batch_results,
  out rooms pgcanvas.room_list, out results pgcanvas.batch_results, out op_seqs bigint[], out op_versions bigint[])
  language plpgsql stable as $$
declare
  v_batches integer[] := p_ops.batches;
  v_verbs text[] := p_ops.verbs;
  v_slots integer[] := p_named.slots;
  v_puts text[] := p_named.puts;
  v_deaths bigint[] := p_named.deaths;
  v_versions bigint[] := p_named.versions;  -- by slot, as the ops so far leave it
  v_room_seqs bigint[] := p_rooms.seqs;
  v_codes text[] := p_results.codes;
  v_seqs bigint[] := p_results.seqs;
  v_outcomes text[] := p_results.outcomes;
  v_outcome text;
  v_seq bigint;  -- of the batch, once an op of it was applied
  v_room integer;
  b integer := 0;
begin
  op_seqs := array_fill(null::bigint, array[cardinality(v_batches)]);
  op_versions := op_seqs;
  for n in 1..cardinality(v_batches) loop
    continue when p_hows[n] = 'wait' or p_hows[n] = 'general';
    if v_batches[n] <> b then
      b := v_batches[n];
      v_room := p_calls.room_of[b];
      v_seq := null;
      v_seqs[b] := v_room_seqs[v_room];
      if p_hows[n] = 'conflict' then v_codes[b] := 'conflict'; end if;
    end if;
    continue when p_hows[n] = 'conflict';
    v_outcome := case when v_versions[v_slots[n]] is null and v_verbs[n] <> 'put' then 'gone'
      when v_puts[n] = '' then 'unchanged' else 'applied' end;
    v_outcomes[b] := case when v_outcomes[b] is null then v_outcome else v_outcomes[b] || ',' || v_outcome end;
    if v_outcome <> 'applied' then
      v_codes[b] := 'kept';
      continue;
    elsif v_seq is null then
      v_seq := v_seqs[b] + 1;
      v_seqs[b] := v_seq;
      v_room_seqs[v_room] := v_seq;
    end if;
    v_versions[v_slots[n]] := coalesce(v_versions[v_slots[n]], v_deaths[v_slots[n]], 0) + 1;
    op_versions[n] := v_versions[v_slots[n]];
    op_seqs[n] := v_seq;
  end loop;
  rooms := p_rooms;
  rooms.seqs := v_room_seqs;
  results := p_results;
  results.codes := v_codes;
  results.seqs := v_seqs;
  results.outcomes := v_outcomes;
end $$;
comment on function pgcanvas.number_ops is
  'Of the ops that are done now, which apply, at which version and seq; with what that makes of their batches and rooms.';

create or replace function pgcanvas.fold_ops(p_ops pgcanvas.op_list, p_named pgcanvas.named_ops, p_authors text[], p_op_seqs bigint[],
  p_op_versions bigint[])
  returns pgcanvas.shape_writes language plpgsql stable as $$
declare
  v_batches integer[] := p_ops.batches;
  v_verbs text[] := p_ops.verbs;
  v_slots integer[] := p_named.slots;
  v_living bigint[] := p_named.versions;
  v_rows pgcanvas.shape_properties[] := p_ops.rows;
  v_extras jsonb[] := p_ops.extras;
  v_states "char"[] := array_fill(null::"char", array[cardinality(v_batches)]);
  v_versions bigint[] := array_fill(null::bigint, array[cardinality(v_batches)]);
  v_seqs bigint[] := v_versions;
  v_makers text[] := array_fill(null::text, array[cardinality(v_batches)]);
  v_authors text[] := v_makers;
  v_appends boolean[] := array_fill(false, array[cardinality(v_batches)]);
  v_slot integer;
begin
  for n in 1..cardinality(v_batches) loop
    continue when p_op_seqs[n] is null;
    v_slot := v_slots[n];
    if v_states[v_slot] is null then
      v_states[v_slot] := case when v_verbs[n] = 'delete' then 'd' when v_living[v_slot] is null then 'b' else 'c' end;
      v_makers[v_slot] := p_authors[v_batches[n]];
      v_appends[v_slot] := v_states[v_slot] = 'c' and v_verbs[n] = 'append';
      if n <> v_slot then  -- those before it found nothing
        v_rows[v_slot] := v_rows[n];
        v_extras[v_slot] := v_extras[n];
      end if;
    else
      v_appends[v_slot] := v_appends[v_slot] or v_verbs[n] = 'append' and v_states[v_slot] = 'c' and (v_rows[v_slot]).points is null;
      v_rows[v_slot] := pgcanvas.folded(v_rows[v_slot], v_rows[n], v_verbs[n] = 'append');
      if v_extras[v_slot] is not null then v_extras[v_slot] := pgcanvas.extra_beside(v_extras[v_slot], v_rows[n]); end if;
    end if;
    v_versions[v_slot] := p_op_versions[n];
    v_seqs[v_slot] := p_op_seqs[n];
    v_authors[v_slot] := p_authors[v_batches[n]];
  end loop;
  return row(v_states, v_rows, v_extras, v_appends, v_versions, v_seqs, v_makers, v_authors)::pgcanvas.shape_writes;
end $$;
comment on function pgcanvas.fold_ops is
  'What is written of each shape, in the slot of the first op that names it: all that the ops with a seq say of it.';

create or replace function pgcanvas.as_logged(p_ops pgcanvas.op_list, p_named pgcanvas.named_ops)
  returns pgcanvas.op_list language plpgsql stable as $$
begin
  if 'put' <> all (p_named.kinds) then return p_ops; end if;
  select array_agg(case o.kind when 'put' then 'patch' else o.verb end order by o.n),
      array_agg(case o.kind when 'put' then concat('"set":{', substr(o.put, 2), '},"unset":[]') else o.said end order by o.n)
    into p_ops.verbs, p_ops.said
    from unnest(p_ops.verbs, p_ops.said, p_named.kinds, p_named.puts) with ordinality as o (verb, said, kind, put, n);
  return p_ops;
end $$;
comment on function pgcanvas.as_logged is 'Ops as the log has them: of a put over a living shape, what differs.';

create or replace function pgcanvas.apply_generals(p_calls pgcanvas.batch_list, p_ops pgcanvas.op_list, p_hows text[],
  p_rooms pgcanvas.room_list, p_results pgcanvas.batch_results, out rooms pgcanvas.room_list, out results pgcanvas.batch_results)
  language plpgsql volatile as $$
declare
  v_one record;
  v_first integer;
  v_last integer;
  v_room integer;
  b integer;
begin
  rooms := p_rooms;
  results := p_results;
  for b, v_first, v_last in select u.b, min(u.n), max(u.n) from unnest(p_ops.batches, p_hows) with ordinality as u (b, how, n)
      where u.how = 'general' group by u.b order by u.b loop
    v_room := p_calls.room_of[b];
    v_one := pgcanvas.apply_one_by_one(row(p_calls.room_ids[b], p_calls.clients[b], p_calls.op_ids[b], p_calls.authors[b], p_calls.seen[b],
        p_calls.gestures[b], p_calls.roles[b], p_calls.undoes, p_calls.repairs)::pgcanvas.batch_call,
      rooms.seqs[v_room], rooms.ats[v_room], rooms.policies[v_room], p_ops.verbs[v_first:v_last], p_ops.shape_ids[v_first:v_last],
      p_ops.bases[v_first:v_last], pgcanvas.bodies(p_ops.verbs[v_first:v_last], p_ops.said[v_first:v_last]));
    if v_one.code <> 'fresh' then results.codes[b] := v_one.code; end if;
    results.seqs[b] := v_one.seq;
    results.outcomes[b] := array_to_string(v_one.outcomes, ',');
    results.stages[b] := 'one_by_one';
    rooms.seqs[v_room] := v_one.seq;
    rooms.lines[v_room] := concat(rooms.lines[v_room], v_one.lines);
  end loop;
end $$;
comment on function pgcanvas.apply_generals is 'Applies the batches of a round that go one by one: of each room one at most.';

create or replace function pgcanvas.apply_round(p_calls pgcanvas.batch_list, p_ops pgcanvas.op_list, p_rooms pgcanvas.room_list,
  p_results pgcanvas.batch_results,
  out ops pgcanvas.op_list, out rooms pgcanvas.room_list, out results pgcanvas.batch_results)
  language plpgsql volatile as $$
declare
  v_room_ids bigint[];  -- by op
  v_ats timestamptz[];
  v_named pgcanvas.named_ops;
  v_hows text[];
  v_numbers record;
  v_generals record;
  v_logged pgcanvas.op_list;
  v_line record;
  v_lines text[] := p_rooms.lines;
  v_room integer;
begin
  select array_agg(p_calls.room_ids[u.b] order by u.n), array_agg(p_rooms.ats[p_calls.room_of[u.b]] order by u.n) into v_room_ids, v_ats
    from unnest(p_ops.batches) with ordinality as u (b, n);
  v_named := pgcanvas.read_named(v_room_ids, p_ops);
  if v_named.fault is not null then raise exception '%', v_named.fault using errcode = 'WB001'; end if;
  if pgcanvas.may_be_altered() then  -- what is written is looked at again, one by one
    v_named.kinds := array_fill('general'::text, array[cardinality(p_ops.batches)]);
  elsif 'put' = any (v_named.kinds) then
    v_named.puts := pgcanvas.put_changes(v_room_ids, v_named.kinds, p_ops.rows, p_ops.extras);
  end if;
  v_hows := pgcanvas.plan_batches(p_calls, p_rooms, p_ops, v_named);
  v_numbers := pgcanvas.number_ops(p_calls, p_ops, v_named, v_hows, p_rooms, p_results);
  rooms := v_numbers.rooms;
  results := v_numbers.results;
  if 'now' = any (v_hows) then
    perform pgcanvas.write_round(v_room_ids, p_ops.shape_ids, v_ats,
      pgcanvas.fold_ops(p_ops, v_named, p_calls.authors, v_numbers.op_seqs, v_numbers.op_versions));
    v_logged := pgcanvas.as_logged(p_ops, v_named);
    for v_line in select l.* from pgcanvas.log_batches(p_calls, p_ops.batches, v_logged.verbs, p_ops.shape_ids, v_numbers.op_versions,
        v_numbers.op_seqs, v_logged.said, v_ats) as l loop
      v_room := array_position(rooms.ids, v_line.room_id);
      v_lines[v_room] := concat(v_lines[v_room], v_line.lines);
    end loop;
    rooms.lines := v_lines;
  end if;
  if 'general' = any (v_hows) then
    v_generals := pgcanvas.apply_generals(p_calls, p_ops, v_hows, rooms, results);
    rooms := v_generals.rooms;
    results := v_generals.results;
  end if;
  ops := pgcanvas.ops_left(p_ops, array(select h.how = 'wait' from unnest(v_hows) with ordinality as h (how, n) order by h.n));
end $$;
comment on function pgcanvas.apply_round is 'Applies of the ops what can be applied now, and gives those that are left.';

create or replace function pgcanvas.apply_single(p_calls pgcanvas.batch_list, p_ops pgcanvas.op_list)
  returns table (batch integer, code text, seq bigint, outcomes text[], stage text)
  language plpgsql volatile as $$
#variable_conflict use_column
declare
  v_room_id bigint := p_calls.room_ids[1];
  v_client uuid := p_calls.clients[1];
  v_op_id bigint := p_calls.op_ids[1];
  v_author text := p_calls.authors[1];
  v_verb text := p_ops.verbs[1];
  v_room record;
  v_at timestamptz;
  v_seq bigint;
  v_named pgcanvas.named_ops;
  v_state "char" := 'd';
  v_version bigint;
  v_change text;
  v_done text;
begin
  select r.min_since, r.channel, r.policy, r.chained_since into v_room from pgcanvas.rooms r where r.id = v_room_id for no key update;
  if v_room.policy is distinct from 'merge' or pgcanvas.may_be_altered() or current_setting('transaction_isolation') <> 'read committed'
    or (pgcanvas.first_answer(v_room_id, v_client, v_op_id)).seq is not null then return; end if;
  select greatest(e.seq, v_room.min_since), greatest(e.at, clock_timestamp()) into v_seq, v_at from pgcanvas.room_end(v_room_id) as e;
  v_named := pgcanvas.read_named(array[v_room_id], p_ops);
  if v_named.fault is not null then raise exception '%', v_named.fault using errcode = 'WB001'; end if;
  if v_named.kinds[1] not in ('simple', 'points', 'append') then return; end if;
  v_version := coalesce(v_named.versions[1], v_named.deaths[1], 0) + 1;
  if v_named.versions[1] is null and v_verb <> 'put' then
    insert into pgcanvas.applied_ops (room_id, client, op_id, seq, outcomes)
      select v_room_id, v_client, v_op_id, v_seq, '{gone}' where v_client is not null;
    return query select 1, 'fresh', v_seq, '{gone}'::text[], 'single';
    return;
  end if;
  v_seq := v_seq + 1;
  if v_verb <> 'delete' then v_state := case when v_named.versions[1] is null then 'b' else 'c' end; end if;
  perform pgcanvas.write_round(array[v_room_id], p_ops.shape_ids, array[v_at], row(array[v_state], p_ops.rows, p_ops.extras,
    array[v_verb = 'append' and v_state = 'c'], array[v_version], array[v_seq], p_calls.authors, p_calls.authors)::pgcanvas.shape_writes);
  v_change := pgcanvas.change_text(v_verb, p_ops.shape_ids[1], v_version, p_ops.said[1], v_seq, to_json(v_author)::text,
    pgcanvas.iso(v_at));
  insert into pgcanvas.shape_changes (room_id, seq, ordinal, op, shape_id, change, author, client, op_id, gesture, role, at)
    values (v_room_id, v_seq, 1, v_verb, p_ops.shape_ids[1], v_change::json, v_author, v_client, v_op_id, p_calls.gestures[1],
      p_calls.roles[1], v_at);
  if v_room.chained_since is not null then perform pgcanvas.chain_batches(v_room_id); end if;
  if v_client is not null then
    v_done := pgcanvas.ring_room(v_room.channel, v_seq - 1, v_seq,
      concat(E'\n', pgcanvas.batch_head(v_seq, v_author, v_client, v_op_id, v_at), v_change, ']}'));
  end if;
  return query select 1, 'fresh', v_seq, '{applied}'::text[], 'single';
end $$;
comment on function pgcanvas.apply_single is
  'apply_batches of one op alone, by the same statements with less around them: in a calm room setting up the planning costs more than '
  'what is done. No row: it is something else (another policy or isolation, a repeat, a put over a living shape, references), and '
  'nothing was done.';

create or replace function pgcanvas.notify_rooms(p_rooms pgcanvas.room_list, p_by_client boolean)
  returns void language plpgsql volatile as $$
declare
  v_done boolean;
begin
  for r in 1..coalesce(cardinality(p_rooms.ids), 0) loop
    continue when p_rooms.seqs[r] = p_rooms.told_seqs[r];
    if p_rooms.chained[r] then perform pgcanvas.chain_batches(p_rooms.ids[r]); end if;
    -- What no client sent is told at commit, once for the transaction.
    if p_by_client then v_done := pgcanvas.ring_in_parts(p_rooms.channels[r], p_rooms.told_seqs[r], p_rooms.seqs[r],
      p_rooms.lines[r]); end if;
  end loop;
end $$;
comment on function pgcanvas.notify_rooms is 'Notifies of what was logged in each room, and chains it where that was asked for.';

create or replace function pgcanvas.apply_batches(p_room_ids bigint[], p_clients uuid[], p_op_ids bigint[], p_authors text[],
  p_seen bigint[],
  p_gestures bigint[], p_roles text[], p_batches integer[], p_verbs text[], p_shape_ids text[], p_bases bigint[],
  p_rows pgcanvas.shape_properties[], p_extras jsonb[], p_said text[], p_undoes bigint default null, p_repairs boolean default true)
  returns table (batch integer, code text, seq bigint, outcomes text[], stage text)
  language plpgsql volatile security definer set search_path = pgcanvas, pg_catalog, pg_temp set extra_float_digits = 1
  -- How to plan, and that a lock is waited for 150 ms, callers say once per connection and not with each call. (Without bitmap scans the
  -- spatial index cannot answer "= any". In a knot with direct SQL, which locks a row and then the room, it is always this side that lets
  -- go.)
  as $$
declare
  v_calls batch_list := row(p_room_ids, p_clients, p_op_ids, p_authors, p_seen, p_gestures, p_roles, null, p_undoes, p_repairs);
  v_ops op_list := row(p_batches, p_verbs, p_shape_ids, p_bases, p_rows, p_extras, p_said);
  v_rooms room_list;
  v_known batch_answer[];
  v_results batch_results;
  v_round record;
  v_set text := set_config('pgcanvas.applying', 'yes', true);  -- the triggers stand aside
begin
  if cardinality(p_verbs) = 1 and cardinality(p_room_ids) = 1 and p_undoes is null and p_repairs then
    return query select a.* from apply_single(v_calls, v_ops) as a;
    if found then v_set := set_config('pgcanvas.applying', '', true); return; end if;
  end if;
  v_rooms := lock_rooms(p_room_ids);
  v_known := known_answers(p_room_ids, p_clients, p_op_ids, v_rooms.ids);
  select array_agg(array_position(v_rooms.ids, k.room_id) order by k.n) into v_calls.room_of
    from unnest(p_room_ids) with ordinality as k (room_id, n);
  select array_agg(case when a.code = 'fresh' and p_undoes is not null then 'kept' else a.code end order by a.n),
      array_agg(v_rooms.seqs[v_calls.room_of[a.n]] order by a.n), array_fill(null::text, array[count(*)::integer]),
      array_fill('set'::text, array[count(*)::integer])
    into v_results.codes, v_results.seqs, v_results.outcomes, v_results.stages
    from unnest(v_known) with ordinality as a (batch, code, seq, outcomes, n);
  if exists (select from unnest(v_results.codes) as c where c not in ('fresh', 'kept')) then
    v_ops := ops_left(v_ops, array(select v_results.codes[u.b] in ('fresh', 'kept')
      from unnest(p_batches) with ordinality as u (b, n) order by u.n));
  end if;
  while cardinality(v_ops.batches) > 0 loop
    v_round := apply_round(v_calls, v_ops, v_rooms, v_results);
    v_ops := v_round.ops;
    v_rooms := v_round.rooms;
    v_results := v_round.results;
  end loop;
  perform notify_rooms(v_rooms, p_clients[1] is not null), keep_answers(v_calls, v_results);
  v_set := set_config('pgcanvas.applying', '', true);
  return query select a.* from answers_of(v_known, v_results) as a;
end $$;
comment on function pgcanvas.apply_batches is
  'Applies batches of ops in order. Arrays: one entry per batch (room, client, op_id, author, seq seen, op_id of the gesture it goes '
  'on with, right), one per op (its batch from 1, verb, shape, base, typed row, what has no column, and its text: the members of a '
  'put; set and unset of a patch; points of an append), batch after batch. p_undoes: the batch that these take back, 0 for a choice of '
  'changes, null for drawing; p_repairs: whether references to what is gone are let go of. Each answer: fresh, repeat or twin with seq '
  'and outcomes, conflict (strict), or not_found; stage: single, set or one_by_one. A bad value raises and nothing of the call is '
  'kept; 55P03 says that somebody holds a room or a shape: try again.';
