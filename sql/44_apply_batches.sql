-- apply_batches: the way in for everybody. Many batches of many rooms in one call and one transaction:
-- 1. lock the rooms in id order, find the first answers of repeats
-- 2. read what is known of the shapes that are named
-- 3. plan: work out in numbers which ops apply, at which version and seq, and fold the ops of each shape into one row
-- 4. write shapes and log, one statement each
-- 5. notify
-- 6. keep the answers that the log cannot tell.
-- What cannot be told from numbers yet (an op on a shape that a put, a delete or an append of this call touched before it) waits for a next
-- round of 2 to 4, with all that follows in its room. A batch that does what is seldom done goes one by one (sql/43_one_by_one.sql), in the
-- same transaction.

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
    for r in 1..coalesce(cardinality(v_rooms.ids), 0) loop
      perform pgcanvas.refuse_old_snapshot(v_rooms.ids[r], v_rooms.seqs[r] + 1);
    end loop;
  end if;
  v_rooms.told_seqs := v_rooms.seqs;
  v_rooms.lines := array_fill(null::text, array[coalesce(cardinality(v_rooms.ids), 0)]);
  return v_rooms;
end $$;
comment on function pgcanvas.lock_rooms is 'Locks rooms, in the order of their numbers, and tells where they are.';

create or replace function pgcanvas.apply_each(p_calls pgcanvas.batch_list, p_ops pgcanvas.op_list, p_hows text[],
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
      where u.how = 'one_by_one' group by u.b order by u.b loop
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
comment on function pgcanvas.apply_each is 'Applies the batches of a round that go one by one: of each room one at most.';

create or replace function pgcanvas.apply_round(p_calls pgcanvas.batch_list, p_ops pgcanvas.op_list, p_rooms pgcanvas.room_list,
  p_results pgcanvas.batch_results, out ops pgcanvas.op_list, out rooms pgcanvas.room_list, out results pgcanvas.batch_results)
  language plpgsql volatile as $$
declare
  v_room_ids bigint[];  -- by op
  v_ats timestamptz[];
  v_named pgcanvas.named_ops;
  v_hows text[];
  v_numbers record;
  v_each record;
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
    v_named.kinds := array_fill('one_by_one'::text, array[cardinality(p_ops.batches)]);
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
  if 'one_by_one' = any (v_hows) then
    v_each := pgcanvas.apply_each(p_calls, p_ops, v_hows, rooms, results);
    rooms := v_each.rooms;
    results := v_each.results;
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
    if p_by_client then
      v_done := pgcanvas.ring_in_parts(p_rooms.channels[r], p_rooms.told_seqs[r], p_rooms.seqs[r], p_rooms.lines[r]);
    end if;
  end loop;
end $$;
comment on function pgcanvas.notify_rooms is 'Notifies of what was logged in each room, and chains it where that was asked for.';

create or replace function pgcanvas.apply_batches(p_room_ids bigint[], p_clients uuid[], p_op_ids bigint[], p_authors text[],
  p_seen bigint[], p_gestures bigint[], p_roles text[], p_batches integer[], p_verbs text[], p_shape_ids text[], p_bases bigint[],
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
