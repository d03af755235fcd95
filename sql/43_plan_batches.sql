-- What becomes of the ops of a call, in numbers alone: whose turn it is, which apply, at which version and seq, and what is written of each
-- shape. Nothing is read or written here.

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
        when v_how = 'wait' or v_how = 'one_by_one' then v_how
        when v_kinds[m] in ('one_by_one', 'referred') or v_kinds[m] = 'put' and v_puts[m] is null
          or v_refs[m] and v_deleting[v_room] or v_verbs[m] = 'delete' and v_referring[v_room]
          or v_policy = 'offset' and v_verbs[m] = 'put' and v_versions[v_slots[m]] is null then
          case when v_began[v_room] then 'wait' else 'one_by_one' end
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
    if v_how in ('wait', 'one_by_one') then v_waiting[v_room] := true; else v_began[v_room] := true; end if;
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
  'Of each op, when its batch is done: now; one_by_one (and the rest of its room waits); conflict (strict rooms: it is not); or wait, '
  'for the next round.';

create or replace function pgcanvas.number_ops(p_calls pgcanvas.batch_list, p_ops pgcanvas.op_list, p_named pgcanvas.named_ops,
  p_hows text[], p_rooms pgcanvas.room_list, p_results pgcanvas.batch_results,
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
    continue when p_hows[n] = 'wait' or p_hows[n] = 'one_by_one';
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
