-- What the triggers of sql/70_shape_triggers.sql know of a statement of direct SQL: who makes it, whether it is one, its seq and moment in
-- each room; and of its rows: what changes though the shape stays, what is put back as it was.

create or replace function pgcanvas.sql_author()
  returns text language sql stable
return 'sql:' || coalesce(nullif(current_setting('role', true), 'none'), session_user::text);
comment on function pgcanvas.sql_author is 'The name under which direct SQL is logged: sql:<role>.';

-- Statements of apply_batches pass all triggers by: it locks, stamps, logs and rings itself. Whether a statement is one of apply_batches is
-- decided
-- where the user is the statement's own: the owner's, or of somebody who may put triggers on shapes, and so may do anything to them. What a
-- setting says is not enough; and what runs as the owner for others ends what they say. (A function: conditions of triggers are read anew
-- with every statement, and this one as an expression was a tenth of the price of a one-op call. It names the schema of all that it calls:
-- a search path of its own would cost more than what it does.)
create or replace function pgcanvas.is_direct()
  returns boolean language plpgsql stable as $$
begin
  return coalesce(pg_catalog.current_setting('pgcanvas.applying', true), '') operator(pg_catalog.=) ''
    or not pg_catalog.has_table_privilege('pgcanvas.shapes'::pg_catalog.regclass, 'trigger');
end $$;
comment on function pgcanvas.is_direct is 'Whether the statement is direct SQL, and none of apply_batches.';

create or replace function pgcanvas.be_direct()
  returns boolean language plpgsql volatile set search_path = pg_catalog, pg_temp as $$
begin
  return coalesce(current_setting('pgcanvas.applying', true), '') = '' or set_config('pgcanvas.applying', '', true) is null;
end $$;
comment on function pgcanvas.be_direct is 'Whoever said that this is apply_batches, it is not: begins what the owner does for direct SQL.';

-- A transaction holds its rooms until it ends, and who went away in the midst of one would hold them for good. Text in units, as settings
-- are shown, reads as an interval.
create or replace function pgcanvas.bound_idling()
  returns boolean language plpgsql volatile as $$
begin
  return current_setting('idle_in_transaction_session_timeout')::interval between interval '1 ms' and interval '1 min'
    or set_config('idle_in_transaction_session_timeout', '1min', true) is not null;
end $$;
comment on function pgcanvas.bound_idling is
  'Lets the server end the session when its transaction, which holds a room, is idle for a minute, or for less where the session says '
  'so.';

create or replace function pgcanvas.refuse_old_snapshot(p_room_id bigint, p_seq bigint)
  returns void language plpgsql volatile as $$
begin
  if current_setting('transaction_isolation') not in ('repeatable read', 'serializable') then return; end if;
  -- A row that this snapshot does not show is in the way of the key all the same: PostgreSQL raises 40001. It has a client, so that it is
  -- neither told nor chained.
  insert into pgcanvas.shape_changes (room_id, seq, ordinal, op, shape_id, change, author, client, at)
    values (p_room_id, p_seq, 1, 'delete', '', '{}', '', '00000000-0000-0000-0000-000000000000', now()) on conflict
      on constraint shape_changes_pkey do nothing;
  if found then delete from pgcanvas.shape_changes where room_id = p_room_id and seq = p_seq and ordinal = 1; end if;
end $$;
comment on function pgcanvas.refuse_old_snapshot is
  'Raises 40001 where a room, which is locked, has come further than the transaction''s snapshot shows: its next seq is somebody '
  'else''s.';

-- The moment is kept in microseconds: a text would be written and read as the session's settings have it.
create or replace function pgcanvas.statement_batch(p_room_id bigint, out seq bigint, out at timestamptz)
  language plpgsql volatile as $$
declare
  v_name text := 'pgcanvas.seq_' || p_room_id;
  v_known text[] := string_to_array(current_setting(v_name, true), ':');  -- statement, seq, moment
  v_known_at timestamptz;
  v_min_since bigint;
  v_last record;
begin
  if v_known[1] = current_setting('pgcanvas.statement', true) then
    if v_known[3] is null then raise exception 'seq: a statement has the seq and the moment it was given' using errcode = 'WB001'; end if;
    seq := v_known[2]::bigint;
    at := timestamptz 'epoch' + v_known[3]::bigint * interval '1 microsecond';
    return;
  end if;
  select r.min_since into v_min_since from pgcanvas.rooms r where r.id = p_room_id for no key update;
  if not found then return; end if;
  perform pgcanvas.bound_idling();
  v_last := pgcanvas.room_end(p_room_id);  -- in a statement of its own, which sees what was committed while the lock was waited for
  seq := greatest(v_last.seq, v_min_since) + 1;
  perform pgcanvas.refuse_old_snapshot(p_room_id, seq);
  at := greatest(statement_timestamp(), v_last.at);
  -- Under the room's lock, so that it rises with seq; but one moment for all that a statement does (it may insert, update and delete).
  if v_known[2] = seq::text then v_known_at := timestamptz 'epoch' + v_known[3]::bigint * interval '1 microsecond'; end if;
  at := case when v_known_at between at and clock_timestamp() then v_known_at else greatest(clock_timestamp(), at) end;
  v_known := array[current_setting('pgcanvas.statement', true), seq::text, ((extract(epoch from at) * 1000000)::bigint)::text];
  perform set_config(v_name, array_to_string(v_known, ':'), true);
end $$;
comment on function pgcanvas.statement_batch is
  'The seq that the running statement will have in a room, which is locked at its first row, and the moment of that. Null when there '
  'is no such room.';

create or replace function pgcanvas.settle_seqs(p_room_ids bigint[], p_seqs bigint[], p_ats timestamptz[])
  returns bigint[] language plpgsql volatile set search_path = pgcanvas, pg_catalog, pg_temp
  set enable_nestloop = on set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off set jit = off as $$
begin
  if exists (
    select from unnest(p_room_ids, p_seqs, p_ats) as k (room_id, seq, at) join rooms r on r.id = k.room_id
    cross join lateral room_end(k.room_id) as e
    where case when k.seq = greatest(e.seq, r.min_since) + 1
      then coalesce(k.at not between greatest(e.at, statement_timestamp()) and greatest(e.at, statement_timestamp(), clock_timestamp()),
        true)
      else coalesce(k.seq <= r.min_since, true) or not coalesce((select bool_and(c.xid = pg_current_xact_id() and c.at = k.at)
        from shape_changes c where c.room_id = k.room_id and c.seq = k.seq), false) end)
    or exists (select from unnest(p_room_ids, p_seqs) as k (room_id, seq) group by k.room_id, k.seq having count(*) > 1) then
    raise exception 'seq: a statement has the seq and the moment it was given' using errcode = 'WB001';
  end if;
  return array(select coalesce((select max(c.ordinal) from shape_changes c where c.room_id = k.room_id and c.seq = k.seq), 0)
    from unnest(p_room_ids, p_seqs) with ordinality as k (room_id, seq, n) order by k.n);
end $$;
comment on function pgcanvas.settle_seqs is
  'Looks at the seqs of what a statement logs next: one more than the room had, or one under which this transaction logged before. '
  'Whatever settings say, there is no gap, no seq of somebody else, and no moment before that of the batch before or of the statement. '
  'Gives the last ordinal that each of these batches has.';

create or replace function pgcanvas.other_columns(p_shape pgcanvas.shapes)
  returns jsonb language plpgsql stable set search_path = pgcanvas, pg_catalog, pg_temp as $$
begin
  return to_jsonb(p_shape) - shape_columns()
    - array(select a.attname::text from pg_attribute a where a.attrelid = 'pgcanvas.shapes'::regclass and a.attgenerated <> '');
end $$;
comment on function pgcanvas.other_columns is
  'What a row holds in columns that somebody added to the table, but for what the server works out.';

create or replace function pgcanvas.with_old_stamps(p_new pgcanvas.shapes, p_old pgcanvas.shapes)
  returns pgcanvas.shapes language plpgsql stable as $$
begin
  p_new.bounds := p_old.bounds;
  p_new.grid := p_old.grid;
  p_new.refs := p_old.refs;
  p_new.version := p_old.version;
  p_new.seq := p_old.seq;
  p_new.ordinal := p_old.ordinal;
  p_new.created_by := p_old.created_by;
  p_new.updated_by := p_old.updated_by;
  p_new.created_at := p_old.created_at;
  p_new.updated_at := p_old.updated_at;
  if p_new *= p_old or other_columns(p_new) is not distinct from other_columns(p_old) then return null; end if;
  return p_new;
end $$;
comment on function pgcanvas.with_old_stamps is
  'What an update leaves of a row when the shape stays as it is: a column that somebody added may have changed. Null when nothing has.';

-- Whoever restores a dump sets row_security to off (each script of pg_dump begins so), and gives every column. It is asked where the user
-- is the statement's own, as is_direct is: who may not set what is stamped puts nothing back.
create or replace function pgcanvas.puts_back()
  returns boolean language plpgsql stable as $$
begin
  return pg_catalog.current_setting('row_security') operator(pg_catalog.=) 'off'
    and pg_catalog.has_column_privilege('pgcanvas.shapes'::pg_catalog.regclass, 'version', 'insert');
end $$;
comment on function pgcanvas.puts_back is
  'Whether rows that come with all that is stamped are put back as they were: a dump is being restored.';

create or replace function pgcanvas.was_stamped(p_shape pgcanvas.shapes)
  returns boolean language plpgsql stable as $$
declare
  v_last_seq bigint;
begin
  if num_nulls(p_shape.version, p_shape.seq, p_shape.bounds, p_shape.grid, p_shape.created_by, p_shape.updated_by, p_shape.created_at,
      p_shape.updated_at) > 0 then return false; end if;
  v_last_seq := (pgcanvas.room_end(p_shape.room_id)).seq;  -- the log may be restored after its shapes
  return coalesce(p_shape.seq <= v_last_seq, true) and not exists (
    select from pgcanvas.tombstones g where g.room_id = p_shape.room_id and g.id = p_shape.id and g.version >= p_shape.version);
end $$;
comment on function pgcanvas.was_stamped is
  'Whether a row is as it stood in the table once, and may stand there again: its batch is one of its room''s, and the shape has not '
  'died since.';
