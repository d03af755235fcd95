-- What makes every writer equal: statement by statement, in this order: begin, stamp (or take the room for a delete), log; at commit, ring.
-- A statement's changes of one room are one batch. apply_ops hands its own seqs over in settings of the transaction; for every other
-- writer the first row of a room locks it and takes the next seq.

do $$ begin
  if to_regtype('pgcanvas.batches_applied') is null then
    create type pgcanvas.batches_applied as (room_ids bigint[], seqs bigint[], authors text[], clients uuid[], op_ids bigint[]);
    create type pgcanvas.shapes_deleted as (room_ids bigint[], ids text[], seqs bigint[]);
  end if;
end $$;
comment on type pgcanvas.batches_applied is 'What apply_ops tells the triggers: whose batch each seq is. By column: quick to read from a setting''s text.';
comment on type pgcanvas.shapes_deleted is 'What apply_ops tells the triggers of deletes, whose rows hold no new seq.';

create or replace function pgcanvas.sql_author()
  returns text language sql stable
return 'sql:' || coalesce(nullif(current_setting('role', true), 'none'), session_user::text);
comment on function pgcanvas.sql_author is 'The name under which direct SQL is logged: sql:<role>.';

create or replace function pgcanvas.applying()
  returns boolean language sql stable
return coalesce(current_setting('pgcanvas.applying', true), '') <> '';
comment on function pgcanvas.applying is 'Whether the statement is one of apply_ops.';

create or replace function pgcanvas.statement_seq(p_room_id bigint)
  returns bigint language plpgsql volatile set search_path = pgcanvas, pg_catalog, pg_temp as $$
declare
  v_name text := 'pgcanvas.seq_' || p_room_id;
  v_statement text := current_setting('pgcanvas.statement', true) || ':';
  v_known text := current_setting(v_name, true);
  v_seq bigint;
begin
  if starts_with(v_known, v_statement) then return substr(v_known, length(v_statement) + 1)::bigint; end if;
  update rooms set last_seq = last_seq + 1, touched_at = now() where id = p_room_id returning last_seq into v_seq;
  perform set_config(v_name, v_statement || v_seq, true);
  perform set_config('pgcanvas.taken', concat_ws(' ', nullif(current_setting('pgcanvas.taken', true), ''), p_room_id), true);
  return v_seq;
end $$;
comment on function pgcanvas.statement_seq is 'The seq of the running statement in a room: taken, with the room''s lock, at its first row. Null when there is no such room.';

create or replace function pgcanvas.tg_shapes__begin()
  returns trigger language plpgsql volatile set search_path = pgcanvas, pg_catalog, pg_temp as $$
begin
  if tg_op = 'TRUNCATE' then
    raise exception 'shapes: truncate would leave no log; use delete' using errcode = 'WB001';
  end if;
  if applying() and current_user <> (select pg_get_userbyid(c.relowner) from pg_class c where c.oid = tg_relid) then
    perform set_config('pgcanvas.applying', '', true);  -- only apply_ops, which runs as the owner, may hand seqs over
  end if;
  perform set_config('pgcanvas.statement', gen_random_uuid()::text, true);  -- not to be foreseen, so that nobody names his own seq
  perform set_config('pgcanvas.taken', '', true);
  return null;
end $$;
comment on function pgcanvas.tg_shapes__begin is 'Names the statement, so that it has its own seq per room; refuses truncate.';

create or replace function pgcanvas.tg_shapes__stamp()
  returns trigger language plpgsql volatile security definer set search_path = pgcanvas, pg_catalog, pg_temp as $$
declare
  v_fault text;
begin
  if tg_op = 'UPDATE' then
    if new.room_id <> old.room_id or new.id <> old.id then
      raise exception 'shapes: room_id and id do not change; delete and insert instead' using errcode = 'WB001';
    end if;
    if same_properties(old, new) then return null; end if;
    new.version := old.version + 1;
    new.created_by := old.created_by;
    new.created_at := old.created_at;
  end if;
  new.seq := statement_seq(new.room_id);
  if new.seq is null then raise exception 'room_id: there is no room %', new.room_id using errcode = 'WB004'; end if;
  new.updated_by := sql_author();
  new.updated_at := now();
  if tg_op = 'INSERT' then
    new.version := 1;
    new.created_by := new.updated_by;
    new.created_at := new.updated_at;
  end if;
  v_fault := shape_fault(new.id, properties_of(new), new.extra);
  if v_fault is not null then raise exception '%', v_fault using errcode = 'WB001'; end if;
  new.bounds := shape_bounds(new.kind, new.x, new.y, new.width, new.height, new.angle, new.points, new.stroke_width);
  new.grid := grid_box(new.bounds);
  return new;
end $$;
comment on function pgcanvas.tg_shapes__stamp is 'Stamps the rows of direct SQL: version, seq, bounds, who and when; an update that changes nothing is left out.';

create or replace function pgcanvas.tg_shapes__take_room()
  returns trigger language plpgsql volatile security definer set search_path = pgcanvas, pg_catalog, pg_temp as $$
begin
  perform statement_seq(old.room_id);
  return old;
end $$;
comment on function pgcanvas.tg_shapes__take_room is 'A delete has no new row to stamp: takes the room and the seq for the log.';

create or replace function pgcanvas.applying_batches()
  returns table (room_id bigint, seq bigint, author text, client uuid, op_id bigint)
  language plpgsql stable as $$
declare
  v_batches pgcanvas.batches_applied := nullif(current_setting('pgcanvas.applying', true), '')::pgcanvas.batches_applied;
begin
  return query select * from unnest(v_batches.room_ids, v_batches.seqs, v_batches.authors, v_batches.clients, v_batches.op_ids);
end $$;
comment on function pgcanvas.applying_batches is 'The batches apply_ops is writing; none for every other writer.';

create or replace function pgcanvas.deleting_shapes()
  returns table (room_id bigint, id text, seq bigint)
  language plpgsql stable as $$
declare
  v_shapes pgcanvas.shapes_deleted := case when pgcanvas.applying() then nullif(current_setting('pgcanvas.deleting', true), '')::pgcanvas.shapes_deleted end;
begin
  return query select * from unnest(v_shapes.room_ids, v_shapes.ids, v_shapes.seqs);
end $$;
comment on function pgcanvas.deleting_shapes is 'The shapes apply_ops is deleting, with the seq of the batch; none for every other writer.';

create or replace function pgcanvas.refuse_foreign_seqs(p_room_ids bigint[], p_seqs bigint[])
  returns void language plpgsql stable set search_path = pgcanvas, pg_catalog, pg_temp as $$
begin
  if exists (select from unnest(p_room_ids, p_seqs) as k (room_id, seq) join rooms r on r.id = k.room_id
             where k.seq > r.last_seq
                or exists (select from shape_changes c where c.room_id = k.room_id and c.seq = k.seq and c.at <> now())) then
    raise exception 'seq: a statement has the seq it was given' using errcode = 'WB001';
  end if;
end $$;
comment on function pgcanvas.refuse_foreign_seqs is 'Direct SQL cannot write under a seq of another transaction, whatever its settings say.';

create or replace function pgcanvas.give_back_seqs()
  returns void language plpgsql volatile set search_path = pgcanvas, pg_catalog, pg_temp as $$
begin
  update rooms r set last_seq = r.last_seq - 1
  from unnest(string_to_array(nullif(current_setting('pgcanvas.taken', true), ''), ' ')::bigint[]) as t (room_id)
  where r.id = t.room_id and not exists (select from shape_changes c where c.room_id = r.id and c.seq = r.last_seq);
end $$;
comment on function pgcanvas.give_back_seqs is 'An insert whose rows were all there already (on conflict) changed nothing: the seqs its rows took, under the lock still held, are given back.';

create or replace function pgcanvas.tg_shapes__log_insert()
  returns trigger language plpgsql volatile security definer set search_path = pgcanvas, pg_catalog, pg_temp
  set enable_hashjoin = on as $$
begin
  if tg_argv[0] = 'direct' then
    perform refuse_foreign_seqs(array_agg(k.room_id), array_agg(k.seq)) from (select distinct n.room_id, n.seq from new_rows n) as k;
  end if;
  insert into shape_changes (room_id, seq, op, shape_id, change, author, client, op_id, at)
  select n.room_id, n.seq, 'put', n.id, ('{"op":"put","shape":' || shape_json(n) || '}')::json, n.updated_by, b.client, b.op_id, n.updated_at
  from new_rows n left join applying_batches() as b on tg_argv[0] = 'applied' and b.room_id = n.room_id and b.seq = n.seq
  order by n.ordinal;
  if tg_argv[0] = 'direct' then perform give_back_seqs(); end if;
  return null;
end $$;
comment on function pgcanvas.tg_shapes__log_insert is 'Logs created shapes.';

create or replace function pgcanvas.tg_shapes__log_update()
  returns trigger language plpgsql volatile security definer set search_path = pgcanvas, pg_catalog, pg_temp
  set enable_hashjoin = on as $$
begin
  if tg_argv[0] = 'direct' then
    perform refuse_foreign_seqs(array_agg(k.room_id), array_agg(k.seq)) from (select distinct n.room_id, n.seq from new_rows n) as k;
  end if;
  insert into shape_changes (room_id, seq, op, shape_id, change, before, author, client, op_id, at)
  select n.room_id, n.seq, c.op, n.id, c.change, c.before, n.updated_by, b.client, b.op_id, n.updated_at
  from new_rows n join old_rows o on o.room_id = n.room_id and o.id = n.id
  cross join lateral change_of(o, n) as c
  left join applying_batches() as b on tg_argv[0] = 'applied' and b.room_id = n.room_id and b.seq = n.seq
  order by n.ordinal;
  return null;
end $$;
comment on function pgcanvas.tg_shapes__log_update is 'Logs changed shapes: only what changed, and what was there before.';

create or replace function pgcanvas.tg_shapes__log_delete()
  returns trigger language plpgsql volatile security definer set search_path = pgcanvas, pg_catalog, pg_temp
  set enable_hashjoin = on as $$
begin
  if tg_argv[0] = 'applied' then
    insert into shape_changes (room_id, seq, op, shape_id, change, before, author, client, op_id, at)
    select o.room_id, d.seq, 'delete', o.id, ('{"op":"delete","id":' || to_json(o.id) || '}')::json, shape_json(o), b.author, b.client, b.op_id, now()
    from old_rows o
    join deleting_shapes() as d on d.room_id = o.room_id and d.id = o.id
    join applying_batches() as b on b.room_id = o.room_id and b.seq = d.seq
    order by o.ordinal;
    return null;
  end if;
  perform refuse_foreign_seqs(array_agg(k.room_id), array_agg(statement_seq(k.room_id)))
    from (select distinct o.room_id from old_rows o join rooms r on r.id = o.room_id) as k;
  insert into shape_changes (room_id, seq, op, shape_id, change, before, author, at)
  select o.room_id, k.seq, 'delete', o.id, ('{"op":"delete","id":' || to_json(o.id) || '}')::json, shape_json(o), sql_author(), now()
  from old_rows o
  join (select d.room_id, statement_seq(d.room_id) as seq from (select distinct room_id from old_rows) as d offset 0) as k
    on k.room_id = o.room_id
  where k.seq is not null
  order by o.ordinal;
  return null;
end $$;
comment on function pgcanvas.tg_shapes__log_delete is 'Logs deleted shapes; those that go with their room are not logged.';

create or replace function pgcanvas.notice_payload(p_room_id bigint, p_from bigint, p_to bigint)
  returns text language plpgsql stable as $$
declare
  v_bell text := 'c ' || p_from || ' ' || p_to;
  v_payload text := v_bell;
  v_changes integer := 0;
  v_seq bigint := p_from;
  c record;
begin
  -- Rows ride in the notice when they are few and small; beyond 64 fetching is as quick, beyond 7,999 bytes NOTIFY refuses.
  for c in select s.seq, s.author, s.client, s.op_id, s.at, s.change::text as change from pgcanvas.shape_changes s
           where s.room_id = p_room_id and s.seq > p_from order by s.seq, s.ordinal limit 65 loop
    v_changes := v_changes + 1;
    v_payload := v_payload || case when c.seq = v_seq then ',' || c.change
      else case when v_changes > 1 then ']}' else '' end || E'\n' || pgcanvas.batch_head(c.seq, c.author, c.client, c.op_id, c.at) || c.change end;
    v_seq := c.seq;
    if v_changes > 64 or octet_length(v_payload) > 7997 then return v_bell; end if;
  end loop;
  return case when v_changes = 0 then v_bell else v_payload || ']}' end;
end $$;
comment on function pgcanvas.notice_payload is 'What the bell says: "c <from> <to>", then one line per batch when all of them fit.';

create or replace function pgcanvas.tg_rooms__notify()
  returns trigger language plpgsql volatile security definer set search_path = pgcanvas, pg_catalog, pg_temp set plan_cache_mode = force_generic_plan as $$
declare
  v_last_seq bigint;
  v_rung boolean;
begin
  select r.last_seq into v_last_seq from rooms r where r.id = new.id;
  if new.last_seq = v_last_seq then  -- else a later statement of the transaction rings
    v_rung := pg_notify(new.channel, notice_payload(new.id, old.last_seq, new.last_seq)) is not null;  -- "perform" would cost a query
  end if;
  return null;
end $$;
comment on function pgcanvas.tg_rooms__notify is 'Rings the room''s bell, once, at commit.';

create or replace function pgcanvas.tg_rooms__forget()
  returns trigger language plpgsql volatile security definer set search_path = pgcanvas, pg_catalog, pg_temp as $$
begin
  delete from shapes where room_id = old.id;
  delete from shape_changes where room_id = old.id;
  delete from applied_ops where room_id = old.id;
  perform pg_notify(old.channel, 'x');
  return null;
end $$;
comment on function pgcanvas.tg_rooms__forget is 'A room that goes takes its shapes, log and answers with it, and its viewers are told.';

create or replace trigger _050_begin before insert or update or delete or truncate on pgcanvas.shapes
  for each statement execute function pgcanvas.tg_shapes__begin();
-- The rows of apply_ops come stamped and their rooms locked. Whether a statement is one of apply_ops is decided here, where the user is
-- the statement's own: it is the owner's and says so. What a setting says is not enough.
do $do$
declare
  v_applied text := format($$current_user = %L and coalesce(current_setting('pgcanvas.applying', true), '') <> ''$$,
    (select pg_get_userbyid(c.relowner) from pg_class c where c.oid = 'pgcanvas.shapes'::regclass));
  v_new text := 'referencing new table as new_rows';
  v_old text := 'referencing old table as old_rows';
  v_log record;
begin
  execute format('create or replace trigger _200_stamp before insert or update on pgcanvas.shapes
    for each row when (not (%s)) execute function pgcanvas.tg_shapes__stamp()', v_applied);
  execute format('create or replace trigger _250_take_room before delete on pgcanvas.shapes
    for each row when (not (%s)) execute function pgcanvas.tg_shapes__take_room()', v_applied);
  for v_log in select * from (values ('_500_log_insert', 'insert', v_new, true), ('_505_log_insert', 'insert', v_new, false),
      ('_510_log_update', 'update', v_old || ' new table as new_rows', true), ('_515_log_update', 'update', v_old || ' new table as new_rows', false),
      ('_520_log_delete', 'delete', v_old, true), ('_525_log_delete', 'delete', v_old, false)) as l (name, event, tables, applied) loop
    execute format('create or replace trigger %I after %s on pgcanvas.shapes %s for each statement when (%s (%s))
      execute function pgcanvas.tg_shapes__log_%s(%L)', v_log.name, v_log.event, v_log.tables, case when not v_log.applied then 'not' end, v_applied,
      v_log.event, case when v_log.applied then 'applied' else 'direct' end);
    execute format('comment on trigger %I on pgcanvas.shapes is %L', v_log.name,
      format('Logs each %s of %s.', v_log.event, case when v_log.applied then 'apply_ops' else 'direct SQL' end));
  end loop;
end $do$;
create or replace trigger _600_forget after delete on pgcanvas.rooms
  for each row execute function pgcanvas.tg_rooms__forget();

-- A constraint trigger cannot be replaced in place.
drop trigger if exists _900_notify on pgcanvas.rooms;
create constraint trigger _900_notify after update of last_seq on pgcanvas.rooms deferrable initially deferred
  for each row when (new.last_seq > old.last_seq) execute function pgcanvas.tg_rooms__notify();

comment on trigger _050_begin on pgcanvas.shapes is 'Begins a statement.';
comment on trigger _200_stamp on pgcanvas.shapes is 'Stamps what clients do not set.';
comment on trigger _250_take_room on pgcanvas.shapes is 'Takes the room before a delete.';
comment on trigger _600_forget on pgcanvas.rooms is 'Cleans up after a room.';
comment on trigger _900_notify on pgcanvas.rooms is 'Rings at commit.';
