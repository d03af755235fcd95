-- apply_batches: the way in for nodes. Many batches of many rooms in one call and one transaction:
-- 1. lock the rooms in id order, find the first answers of repeats  2. read what is known of the shapes that are named  3. plan: work out, op
-- after op, in numbers alone, which apply, at which version and seq  4. write shapes and log, one statement each  5. notify  6. keep the
-- answers. A shape may be named many times: its ops are folded into one row. What cannot be told from numbers (an op on a shape that a put, a
-- delete or an append of this call touched before it) waits for a next round of 2 to 4, with all that follows in its room. What is seldom
-- done (merge, references, a batch that names a shape twice, new shapes in rooms that move them) goes one by one, through apply_ops.

create or replace function pgcanvas.plan_round(p_room_of integer[], p_policies text[], p_batch_authors text[], p_batches integer[], p_verbs text[],
  p_shape_ids text[], p_bases bigint[], p_slots integer[], p_versions bigint[], p_deaths bigint[], p_kinds text[], p_puts text[],
  p_rows pgcanvas.shape_properties[], p_extras jsonb[], p_said text[], p_codes text[], p_outcomes text[], p_batch_seqs bigint[],
  p_room_seqs bigint[], out rows pgcanvas.shape_properties[], out extras jsonb[], out said text[], out codes text[], out outcomes text[],
  out batch_seqs bigint[], out room_seqs bigint[], out states "char"[], out appends boolean[], out versions bigint[], out seqs bigint[],
  out makers text[], out authors text[], out op_seqs bigint[], out op_versions bigint[], out verbs text[], out waits boolean[],
  out firsts integer[], out counts integer[])
  language plpgsql stable as $$
declare
  v_named_by integer[];  -- by slot, the batch that named it last
  v_waiting boolean[];  -- by room, whether what follows is left to the next round
  v_began boolean[];
  v_how text;
  v_conflict boolean;
  v_seq bigint;
  v_told text;
  v_slot integer;
  v_room integer;
  b integer;
  n integer := 1;
  m integer;
begin
  rows := p_rows;
  extras := p_extras;
  said := p_said;
  codes := p_codes;
  outcomes := p_outcomes;
  batch_seqs := p_batch_seqs;
  room_seqs := p_room_seqs;
  states := array_fill(null::"char", array[cardinality(p_batches)]);
  seqs := array_fill(null::bigint, array[cardinality(p_batches)]);
  op_seqs := seqs;
  op_versions := seqs;
  versions := p_versions;
  makers := array_fill(null::text, array[cardinality(p_batches)]);
  authors := makers;
  appends := array_fill(false, array[cardinality(p_batches)]);
  waits := appends;
  verbs := p_verbs;
  firsts := '{}';
  counts := '{0,0,0,0}';  -- changed, born, died, waiting
  v_named_by := array_fill(null::integer, array[cardinality(p_batches)]);
  v_waiting := array_fill(false, array[cardinality(p_policies)]);
  v_began := v_waiting;
  while n <= cardinality(p_batches) loop
    b := p_batches[n];
    v_room := p_room_of[b];
    v_conflict := false;
    v_how := case when v_waiting[v_room] then 'wait' else 'now' end;
    m := n;
    while p_batches[m] = b loop
      v_slot := p_slots[m];
      if v_how <> 'now' then null;
      elsif p_kinds[m] in ('general', 'referred') or v_named_by[v_slot] = b or p_kinds[m] = 'put' and p_puts[m] is null
        or p_policies[v_room] = 'offset' and p_verbs[m] = 'put' and versions[v_slot] is null then
        v_how := case when v_began[v_room] then 'wait' else 'general' end;
      elsif states[v_slot] is not null and (states[v_slot] = 'd' or p_verbs[m] not in ('patch', 'append')
        or p_kinds[m] = 'points' and appends[v_slot]) then
        v_how := 'wait';
      elsif p_policies[v_room] = 'strict' and versions[v_slot] is not null and p_bases[m] is distinct from versions[v_slot] then
        v_conflict := true;
      end if;
      v_named_by[v_slot] := b;
      m := m + 1;
    end loop;
    if v_how = 'wait' then
      v_waiting[v_room] := true;
      counts[4] := counts[4] + m - n;
      for i in n..m - 1 loop waits[i] := true; end loop;
    elsif v_how = 'general' then
      v_waiting[v_room] := true;
      firsts := firsts || n;
    elsif v_conflict then
      codes[b] := 'conflict';
      batch_seqs[b] := room_seqs[v_room];
    else
      v_began[v_room] := true;
      v_seq := null;
      v_told := '';
      for i in n..m - 1 loop
        v_slot := p_slots[i];
        if versions[v_slot] is null and p_verbs[i] <> 'put' then
          v_told := v_told || ',gone';
          continue;
        elsif p_kinds[i] = 'put' and p_puts[i] = '' then
          v_told := v_told || ',unchanged';
          continue;
        end if;
        v_told := v_told || ',applied';
        if v_seq is null then
          v_seq := room_seqs[v_room] + 1;
          room_seqs[v_room] := v_seq;
        end if;
        if states[v_slot] is not null then
          appends[v_slot] := appends[v_slot] or p_verbs[i] = 'append' and states[v_slot] = 'c' and (rows[v_slot]).points is null;
          rows[v_slot] := pgcanvas.folded(rows[v_slot], rows[i], p_verbs[i] = 'append');
        elsif p_verbs[i] = 'delete' then
          states[v_slot] := 'd';
          counts[3] := counts[3] + 1;
        else
          if i <> v_slot then  -- those before it found nothing
            rows[v_slot] := rows[i];
            extras[v_slot] := extras[i];
          end if;
          states[v_slot] := case when versions[v_slot] is null then 'b' else 'c' end;
          makers[v_slot] := p_batch_authors[b];
          appends[v_slot] := versions[v_slot] is not null and p_verbs[i] = 'append';
          if versions[v_slot] is null then counts[2] := counts[2] + 1; else counts[1] := counts[1] + 1; end if;
          if p_kinds[i] = 'put' then
            verbs[i] := 'patch';
            said[i] := concat('"set":{', substr(p_puts[i], 2), '},"unset":[]');
          end if;
        end if;
        versions[v_slot] := coalesce(versions[v_slot], p_deaths[v_slot], 0) + 1;
        op_versions[i] := versions[v_slot];
        op_seqs[i] := v_seq;
        seqs[v_slot] := v_seq;
        authors[v_slot] := p_batch_authors[b];
      end loop;
      outcomes[b] := '{' || substr(v_told, 2) || '}';
      batch_seqs[b] := coalesce(v_seq, room_seqs[v_room]);
    end if;
    n := m;
  end loop;
end $$;
comment on function pgcanvas.plan_round is 'Works out what becomes of ops: of each batch its outcomes and seq (codes: conflict in strict rooms), of each room its seq, of each op its seq, version and the verb it is logged by. Of each shape, in the slot of the first op that names it, its state (c: changed, b: born, d: died), the row that is written, its version, seq and authors. waits: ops that are left to the next round; firsts: the first ops of batches that go one by one.';

create or replace function pgcanvas.apply_single(p_room_id bigint, p_client uuid, p_op_id bigint, p_author text, p_gesture bigint, p_role text,
  p_verb text, p_shape_id text, p_row pgcanvas.shape_properties, p_extra jsonb, p_said text)
  returns table (batch integer, code text, seq bigint, outcomes text[])
  language plpgsql volatile as $$
#variable_conflict use_column
declare
  v_room record;
  v_end record;
  v_last_seq bigint;
  v_at timestamptz;
  v_named record;
  v_put text;
  v_outcome text := 'applied';
  v_version bigint;
  v_seq bigint;
  v_change text;
  v_told boolean;
  v_set text;
begin
  select r.min_since, r.channel, r.policy, r.chained_since into v_room from pgcanvas.rooms r where r.id = p_room_id for no key update;
  if v_room.policy is distinct from 'merge' or p_client is null or exists (select from pgcanvas.applied_ops a
      where a.room_id = p_room_id and a.client = p_client and a.op_id = p_op_id) or pgcanvas.may_be_altered() then return; end if;
  v_end := pgcanvas.room_end(p_room_id);
  v_last_seq := greatest(v_end.seq, v_room.min_since);
  v_at := greatest(v_end.at, clock_timestamp());
  v_named := pgcanvas.read_named(array[p_room_id], array[p_verb], array[p_shape_id], array[p_row], array[p_extra]);
  if v_named.fault is not null then raise exception '%', v_named.fault using errcode = 'WB001'; end if;
  if v_named.kinds[1] = 'put' then v_put := (pgcanvas.put_changes(array[p_room_id], v_named.kinds, array[p_row], array[p_extra]))[1]; end if;
  if v_named.kinds[1] in ('general', 'referred') or v_named.kinds[1] = 'put' and v_put is null then return; end if;
  v_version := v_named.versions[1];
  v_seq := v_last_seq;
  if v_version is null and p_verb <> 'put' then v_outcome := 'gone';
  elsif v_put = '' then v_outcome := 'unchanged';
  else
    v_seq := v_seq + 1;
    v_set := set_config('pgcanvas.applying', 'yes', true);  -- the triggers stand aside
    if p_verb = 'delete' then
      perform pgcanvas.delete_shapes('{d}', array[p_room_id], array[p_shape_id], array[v_version + 1], array[v_seq]);
    elsif v_version is null then
      v_version := coalesce(v_named.deaths[1], 0);
      perform pgcanvas.insert_shapes('{b}', array[p_room_id], array[p_row], array[p_extra], array[v_version + 1], array[v_seq], array[p_author],
        array[p_author], array[v_at]);
    elsif pgcanvas.update_shapes('{c}', array[p_room_id], array[p_row], array[p_verb = 'append'], array[v_version + 1], array[v_seq],
        array[p_author], array[v_at]) <> 1 then
      raise exception 'ops: a shape is held by another' using errcode = '55P03';  -- nothing is answered that was not done
    end if;
    if v_put is not null then
      p_verb := 'patch';
      p_said := concat('"set":{', substr(v_put, 2), '},"unset":[]');
    end if;
    v_change := pgcanvas.change_text(p_verb, p_shape_id, v_version + 1, p_said, v_seq, to_json(p_author)::text, pgcanvas.iso(v_at));
    insert into pgcanvas.shape_changes (room_id, seq, ordinal, op, shape_id, change, author, client, op_id, gesture, role, at)
      values (p_room_id, v_seq, 1, p_verb, p_shape_id, v_change::json, p_author, p_client, p_op_id, p_gesture, p_role, v_at);
    if v_room.chained_since is not null then perform pgcanvas.chain_batches(p_room_id); end if;
    v_told := pgcanvas.ring_room(v_room.channel, v_seq - 1, v_seq,
      concat(E'\n', pgcanvas.batch_head(v_seq, p_author, p_client, p_op_id, v_at), v_change, ']}'));
    v_set := set_config('pgcanvas.applying', '', true);
  end if;
  insert into pgcanvas.applied_ops (room_id, client, op_id, seq, outcomes) values (p_room_id, p_client, p_op_id, v_seq, array[v_outcome]);
  return query select 1, 'fresh', v_seq, array[v_outcome];
end $$;
comment on function pgcanvas.apply_single is 'apply_batches of one op alone, by the same statements with less around them: in a calm room setting up the planning costs more than what is done. No row: it is something else (another policy, a repeat, references), and nothing was done.';

create or replace function pgcanvas.apply_batches(p_room_ids bigint[], p_clients uuid[], p_op_ids bigint[], p_authors text[], p_seen bigint[],
  p_gestures bigint[], p_roles text[], p_batches integer[], p_verbs text[], p_shape_ids text[], p_bases bigint[],
  p_rows pgcanvas.shape_properties[], p_extras jsonb[], p_said text[])
  returns table (batch integer, code text, seq bigint, outcomes text[])
  language plpgsql volatile security definer set search_path = pgcanvas, pg_catalog, pg_temp set extra_float_digits = 1
  -- How to plan, and that a lock is waited for 150 ms, callers say once per connection and not with each call. (Without bitmap scans the spatial index cannot answer "= any". In a knot with direct SQL, which locks a row and then the
  -- room, it is always this side that lets go.)
  as $$
declare
  v_rooms bigint[];
  v_policies text[];  -- by room, as v_rooms
  v_channels text[];
  v_chained boolean[];
  v_told_seqs bigint[];  -- up to where the room was notified
  v_seqs bigint[];
  v_ats timestamptz[];
  v_lines text[];
  v_answers batch_answer[];
  v_codes text[];  -- by batch
  v_outcomes text[];
  v_batch_seqs bigint[];
  v_room_of integer[];
  v_batches integer[] := p_batches;  -- by op, as p_batches: what is left to do
  v_verbs text[] := p_verbs;
  v_shape_ids text[] := p_shape_ids;
  v_bases bigint[] := p_bases;
  v_rows shape_properties[] := p_rows;
  v_extras jsonb[] := p_extras;
  v_said text[] := p_said;
  v_op_rooms bigint[];
  v_op_ats timestamptz[];
  v_meddled boolean;  -- then what was written is looked at again, one by one
  v_kinds text[];
  v_named record;
  v_plan record;
  v_line record;
  v_one record;
  v_set text;
  b integer;
begin
  if cardinality(p_verbs) = 1 and cardinality(p_room_ids) = 1 then
    return query select a.* from apply_single(p_room_ids[1], p_clients[1], p_op_ids[1], p_authors[1], p_gestures[1], p_roles[1], p_verbs[1],
      p_shape_ids[1], p_rows[1], p_extras[1], p_said[1]) as a;
    if found then return; end if;
  end if;
  v_meddled := may_be_altered();
  select array_agg(r.id), array_agg(r.min_since), array_agg(r.channel), array_agg(r.policy::text), array_agg(r.chained_since is not null)
    into v_rooms, v_seqs, v_channels, v_policies, v_chained
    from (select r.* from rooms r where r.id = any (p_room_ids) order by r.id for no key update) as r;
  select e.seqs, e.ats into v_seqs, v_ats from room_ends(v_rooms, v_seqs) as e;
  v_told_seqs := v_seqs;
  v_batch_seqs := array_fill(null::bigint, array[cardinality(p_room_ids)]);
  v_outcomes := array_fill(null::text, array[cardinality(p_room_ids)]);
  v_answers := known_answers(p_room_ids, p_clients, p_op_ids, v_rooms);
  for i in 1..cardinality(p_room_ids) loop
    v_room_of[i] := array_position(v_rooms, p_room_ids[i]);
    v_codes[i] := (v_answers[i]).code;
  end loop;
  v_set := set_config('pgcanvas.applying', 'yes', true);  -- the triggers stand aside
  if 'repeat' = any (v_codes) or 'twin' = any (v_codes) or 'not_found' = any (v_codes) then
    select l.* into v_batches, v_verbs, v_shape_ids, v_bases, v_rows, v_extras, v_said from ops_left(v_batches, v_verbs, v_shape_ids, v_bases,
      v_rows, v_extras, v_said, array(select v_codes[u.b] = 'fresh' from unnest(p_batches) with ordinality as u (b, n) order by u.n)) as l;
  end if;
  while v_batches is not null loop
    select array_agg(p_room_ids[u.b] order by u.n), array_agg(v_ats[v_room_of[u.b]] order by u.n) into v_op_rooms, v_op_ats
      from unnest(v_batches) with ordinality as u (b, n);
    v_named := read_named(v_op_rooms, v_verbs, v_shape_ids, v_rows, v_extras);
    if v_named.fault is not null then raise exception '%', v_named.fault using errcode = 'WB001'; end if;
    v_kinds := case when v_meddled then array_fill('general'::text, array[cardinality(v_batches)]) else v_named.kinds end;
    v_plan := plan_round(v_room_of, v_policies, p_authors, v_batches, v_verbs, v_shape_ids, v_bases, v_named.slots, v_named.versions,
      v_named.deaths, v_kinds, case when 'put' = any (v_kinds) then put_changes(v_op_rooms, v_kinds, v_rows, v_extras) end,
      v_rows, v_extras, v_said, v_codes, v_outcomes, v_batch_seqs, v_seqs);
    v_codes := v_plan.codes;
    v_outcomes := v_plan.outcomes;
    v_batch_seqs := v_plan.batch_seqs;
    v_seqs := v_plan.room_seqs;
    if v_plan.counts[1] > 0 and update_shapes(v_plan.states, v_op_rooms, v_plan.rows, v_plan.appends, v_plan.versions, v_plan.seqs,
        v_plan.authors, v_op_ats) <> v_plan.counts[1] then
      raise exception 'ops: a shape is held by another' using errcode = '55P03';  -- nothing is answered that was not done
    end if;
    if v_plan.counts[2] > 0 then
      perform insert_shapes(v_plan.states, v_op_rooms, v_plan.rows, v_plan.extras, v_plan.versions, v_plan.seqs, v_plan.makers, v_plan.authors,
        v_op_ats);
    end if;
    if v_plan.counts[3] > 0 then perform delete_shapes(v_plan.states, v_op_rooms, v_shape_ids, v_plan.versions, v_plan.seqs); end if;
    if v_plan.counts[1] + v_plan.counts[2] + v_plan.counts[3] > 0 then
      for v_line in select l.* from log_batches(p_room_ids, p_clients, p_op_ids, p_authors, p_gestures, p_roles, v_batches, v_plan.verbs,
          v_shape_ids, v_plan.op_versions, v_plan.op_seqs, v_plan.said, v_op_ats) as l loop
        b := array_position(v_rooms, v_line.room_id);
        v_lines[b] := concat(v_lines[b], v_line.lines);
      end loop;
    end if;
    foreach b in array v_plan.firsts loop
      v_one := apply_one_by_one(b, v_batches, v_verbs, v_shape_ids, v_bases, v_said, p_room_ids, p_clients, p_op_ids, p_authors, p_seen, p_gestures,
        p_roles, v_channels[v_room_of[v_batches[b]]], v_told_seqs[v_room_of[v_batches[b]]], v_seqs[v_room_of[v_batches[b]]],
        v_lines[v_room_of[v_batches[b]]]);
      b := v_batches[b];
      v_codes[b] := 'done ' || v_one.code;
      v_batch_seqs[b] := v_one.seq;
      v_outcomes[b] := v_one.outcomes::text;
      v_lines[v_room_of[b]] := null;
      v_seqs[v_room_of[b]] := greatest(v_seqs[v_room_of[b]], v_one.seq);
      v_told_seqs[v_room_of[b]] := v_seqs[v_room_of[b]];
    end loop;
    exit when v_plan.counts[4] = 0;
    select l.* into v_batches, v_verbs, v_shape_ids, v_bases, v_rows, v_extras, v_said
      from ops_left(v_batches, v_verbs, v_shape_ids, v_bases, v_rows, v_extras, v_said, v_plan.waits) as l;
  end loop;
  for i in 1..coalesce(cardinality(v_rooms), 0) loop
    if v_chained[i] then perform chain_batches(v_rooms[i]); end if;
    v_set := notify_lines(v_channels[i], v_told_seqs[i], v_seqs[i], v_lines[i]);
  end loop;
  v_set := set_config('pgcanvas.applying', '', true);
  insert into applied_ops (room_id, client, op_id, seq, outcomes)
    select u.room_id, u.client, u.op_id, u.seq, u.outcomes::text[]
    from unnest(p_room_ids, p_clients, p_op_ids, v_codes, v_batch_seqs, v_outcomes) as u (room_id, client, op_id, code, seq, outcomes)
    where u.code = 'fresh' and u.client is not null;
  return query select a.* from answers_of(v_answers, v_codes, v_batch_seqs, v_outcomes) as a;
end $$;
comment on function pgcanvas.apply_batches is 'Applies batches of ops in order, as nodes send them. Arrays: one entry per batch (room, client, op_id, author, seq seen, op_id of the gesture it goes on with, right), one per op (its batch from 1, verb, shape, base, typed row, what has no column, and its text: the members of a put; set and unset of a patch; points of an append), batch after batch. Each answer: fresh, repeat or twin with seq and outcomes, conflict (strict), or not_found. A bad value raises and nothing of the call is kept; 55P03 says that somebody holds a room or a shape: try again.';
