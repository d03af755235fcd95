-- One write path: apply_ops goes, and with it all that stood beside apply_batches. What functions pass among themselves has types, made
-- here: sql/
-- holds the present, and no history of signatures.
do $$
declare
  v_signature text;
begin
  foreach v_signature in array array[
    'pgcanvas.answers_of(pgcanvas.batch_answer[],text[],bigint[],text[])',
    'pgcanvas.apply_batches(bigint[],uuid[],bigint[],text[],bigint[],bigint[],text[],integer[],text[],text[],bigint[],'
      'pgcanvas.shape_properties[],jsonb[],text[])',
    'pgcanvas.apply_one_by_one(integer,integer[],text[],text[],bigint[],text[],bigint[],uuid[],bigint[],text[],bigint[],bigint[],text[],'
      'text,bigint,bigint,text)',
    'pgcanvas.apply_ops(bigint[],uuid[],bigint[],text[],bigint[],bigint[],integer[],text[],text[],bigint[],jsonb[],bigint,text[],'
      'boolean)',
    'pgcanvas.apply_single(bigint,uuid,bigint,text,bigint,text,text,text,pgcanvas.shape_properties,jsonb,text)',
    'pgcanvas.based_on_old(pgcanvas.shapes[],integer[],bigint[],integer[],integer)',
    'pgcanvas.bury(integer[],bigint[],text[],bigint[],bigint[],bigint[],bigint[])',
    'pgcanvas.dead_targets(bigint,pgcanvas.shapes[],bigint[],text[],pgcanvas.shapes[],pgcanvas.shapes[])',
    'pgcanvas.first_answer(bigint,uuid,bigint)',
    'pgcanvas.log_batches(bigint[],uuid[],bigint[],text[],bigint[],text[],integer[],text[],text[],bigint[],bigint[],text[],'
      'timestamp with time zone[])',
    'pgcanvas.notify_lines(text,bigint,bigint,text)',
    'pgcanvas.ops_left(integer[],text[],text[],bigint[],pgcanvas.shape_properties[],jsonb[],text[],boolean[])',
    'pgcanvas.plan_round(integer[],text[],text[],integer[],text[],text[],bigint[],integer[],bigint[],bigint[],text[],text[],'
      'pgcanvas.shape_properties[],jsonb[],text[],text[],text[],bigint[],bigint[])',
    'pgcanvas.read_named(bigint[],text[],text[],pgcanvas.shape_properties[],jsonb[])',
    'pgcanvas.repaired(bigint,bigint[],text[],integer[],pgcanvas.shapes[],pgcanvas.shapes[],integer[],pgcanvas.shapes[])',
    'pgcanvas.shapes_named(bigint[],text[])',
    'pgcanvas.shape_of(bigint,text,text,double precision,double precision,double precision,double precision,double precision,'
      'double precision[],text,text,text,text[],boolean,text,text,text,double precision,text,double precision,double precision,text,'
      'double precision,double precision,text,text,jsonb,jsonb,box,box,bigint,bigint,bigint,text,text,timestamp with time zone,'
      'timestamp with time zone,text[])',
    'pgcanvas.before_of(text,jsonb,jsonb,integer)',
    'pgcanvas.befores(bigint,bigint[],bigint[])',
    'pgcanvas.inverse_of_patch(jsonb,jsonb,jsonb)',
    'pgcanvas.inverse_of(text,jsonb,jsonb,jsonb,boolean)',
    'pgcanvas.logged(bigint,bigint[],bigint[])',
    -- Of versions before this one; what something of theirs leans on stays, and hurts nobody.
    'pgcanvas.apply_ops(bigint[],uuid[],bigint[],text[],bigint[],bigint[],integer[],text[],text[],bigint[],jsonb[],bigint,text[])',
    'pgcanvas.apply_ops(bigint[],uuid[],bigint[],text[],bigint[],integer[],text[],text[],bigint[],jsonb[])',
    'pgcanvas.apply_ops(bigint[],uuid[],bigint[],text[],integer[],text[],text[],jsonb[])',
    'pgcanvas.changes_in(bigint,bigint,text,bigint,bigint,timestamptz)',
    'pgcanvas.changes_in(bigint,bigint,text,box,bigint,bigint,timestamptz)',
    'pgcanvas.changes_since(bigint,bigint,bigint,integer)',
    'pgcanvas.create_room(text,text,text)',
    'pgcanvas.dead_targets(bigint,text[],bigint[],text[],pgcanvas.shapes[],pgcanvas.shapes[])',
    'pgcanvas.flat(jsonb)',
    'pgcanvas.give_back_seqs()',
    'pgcanvas.inverses(bigint,bigint[])',
    'pgcanvas.inverses(bigint,bigint[],box)',
    'pgcanvas.let_go(pgcanvas.shapes[])',
    'pgcanvas.logged(bigint,bigint[])',
    'pgcanvas.nested(jsonb)',
    'pgcanvas.place_fault(pgcanvas.shapes)',
    'pgcanvas.prune_history(text,interval,bigint)',
    'pgcanvas.read_file(text)',
    'pgcanvas.refuse(text)',
    'pgcanvas.refuse_foreign_seqs(bigint[],bigint[])',
    'pgcanvas.replica_wins(bigint,bigint,boolean,jsonb,bigint,bigint,boolean,jsonb)',
    'pgcanvas.room_access(text,text,bytea)',
    'pgcanvas.room_head(bigint)',
    'pgcanvas.room_snapshot(bigint,text,integer)',
    'pgcanvas.room_state(text)',
    'pgcanvas.set_password(text,text)',
    'pgcanvas.settle_seqs(bigint[],bigint[])',
    'pgcanvas.shapes_in_box(bigint,box,text,text,integer)',
    'pgcanvas.stamped(pgcanvas.shapes,pgcanvas.shapes,bigint,bigint,text,bigint,text)',
    'pgcanvas.stamped(pgcanvas.shapes,pgcanvas.shapes,bigint,bigint,text,bigint,text,boolean)',
    'pgcanvas.stamped(pgcanvas.shapes,pgcanvas.shapes,bigint,text,bigint,text)',
    'pgcanvas.statement_seq(bigint)',
    'pgcanvas.wait_for(bigint,text[],integer)'
  ] loop
    begin
      execute 'drop function ' || v_signature;
    exception when undefined_function or undefined_object or dependent_objects_still_exist then null;
    end;
  end loop;
end $$;

drop type if exists pgcanvas.logged_change;
drop type if exists pgcanvas.drawing;

do $$ begin
  if to_regtype('pgcanvas.batch_answer') is null then
    create type pgcanvas.batch_answer as (batch integer, code text, seq bigint, outcomes text[]);
  end if;
  if to_regtype('pgcanvas.shape_change') is null then
    create type pgcanvas.shape_change as (op text, change json, before json);
  end if;
  if to_regtype('pgcanvas.slot_shape') is null then
    create type pgcanvas.slot_shape as (slot integer, shape pgcanvas.shapes);
  end if;
  if to_regtype('pgcanvas.inverse') is null then
    create type pgcanvas.inverse as (verb text, body jsonb, now jsonb, left_alone text[]);
  end if;
  if to_regtype('pgcanvas.taken_back') is null then
    create type pgcanvas.taken_back as (verbs text[], ids text[], bodies jsonb[], left_alone jsonb);
  end if;
  if to_regtype('pgcanvas.gesture') is null then
    create type pgcanvas.gesture as (client uuid, op_id bigint, seq bigint, batch bigint, idle boolean);
  end if;
  if to_regtype('pgcanvas.listed_ops') is null then
    create type pgcanvas.listed_ops as (verbs text[], shape_ids text[], bodies jsonb[]);
  end if;
end $$;
comment on type pgcanvas.batch_answer is
  'What is known of a batch beforehand: fresh, repeat or twin with its seq and outcomes, or not_found.';
comment on type pgcanvas.shape_change is
  'How an existing shape changed: append or patch, the change as clients receive it, and what undoes it.';
comment on type pgcanvas.slot_shape is 'A shape and the slot it belongs in.';
comment on type pgcanvas.inverse is
  'What takes a change back: the op (null: nothing is left to do), the shape after it, and the properties left alone (* for the whole '
  'shape).';
comment on type pgcanvas.taken_back is 'Ops that take changes back, and what is left alone: [{"id": …, "properties": […]}].';
comment on type pgcanvas.gesture is
  'What a person drew in one go: the device and its counter of the first batch, the last batch; the batch that stands for it now '
  '(null: its own, 0: none), and whether its undo found nothing to do.';
comment on type pgcanvas.listed_ops is 'Ops of one batch, their bodies in JSON.';

create type pgcanvas.batch_call as (room_id bigint, client uuid, op_id bigint, author text, seen bigint, gesture bigint, role text, undoes bigint,
  repairs boolean);
comment on type pgcanvas.batch_call is 'A batch without its ops: whose it is, and how it is applied. See apply_batches.';
create type pgcanvas.batch_list as (room_ids bigint[], clients uuid[], op_ids bigint[], authors text[], seen bigint[], gestures bigint[],
  roles text[], room_of integer[], undoes bigint, repairs boolean);
comment on type pgcanvas.batch_list is
  'The batches of a call, as apply_batches takes them; room_of: where the room of each stands among those that are locked.';
create type pgcanvas.op_list as (batches integer[], verbs text[], shape_ids text[], bases bigint[], rows pgcanvas.shape_properties[],
  extras jsonb[], said text[]);
comment on type pgcanvas.op_list is 'Ops, as apply_batches takes them.';
create type pgcanvas.room_list as (ids bigint[], policies text[], channels text[], chained boolean[], ats timestamptz[], told_seqs bigint[],
  seqs bigint[], lines text[]);
comment on type pgcanvas.room_list is
  'The rooms of a call, which are locked: the moment of what is logged now; up to which seq they were notified, and where they are; '
  'the lines that the next notification carries.';
create type pgcanvas.batch_results as (codes text[], seqs bigint[], outcomes text[], stages text[]);
comment on type pgcanvas.batch_results is
  'What became of the batches of a call: codes, as apply_batches answers, and kept (fresh, and the answer is more than the log tells); '
  'outcomes, after each other with commas.';
create type pgcanvas.named_ops as (slots integer[], versions bigint[], deaths bigint[], kinds text[], puts text[],
  refs boolean[], fault text);
comment on type pgcanvas.named_ops is
  'What is known of the shape of each op. slots: the first op that names it; versions: its version (null: it is not there); deaths: '
  'the version at which it died; kinds, how the op may be written: simple, points (a patch that sets them), append, put (over a living '
  'shape), referred (a delete of what others refer to), or one_by_one; puts: see put_changes; refs: whether it may change what the shape refers to, and to nothing that is dead.';
create type pgcanvas.shape_writes as (states "char"[], rows pgcanvas.shape_properties[], extras jsonb[], appends boolean[], versions bigint[],
  seqs bigint[], makers text[], authors text[]);
comment on type pgcanvas.shape_writes is
  'What is written, by slot. states: c (changed), b (born), d (died), null (nothing); rows: what is set; appends: whether points are '
  'added to those there are; who made a shape, and who changed it last.';
create type pgcanvas.drawing as (ids text[], slots integer[], before pgcanvas.shapes[], shapes pgcanvas.shapes[], deaths bigint[],
  nonces bigint[], touched integer[], by_op integer[], died integer[], outcomes text[], frail boolean, logged_ids text[], logged_verbs text[],
  changes text[]);
comment on type pgcanvas.drawing is
  'The shapes of a batch that goes one by one. slots: by id, the first that is the same; by slot: the row before and after the ops, '
  'the version and nonce at which it died, the op that changed it (0: several). touched, died: slots; frail: references to what is '
  'gone may be left; logged_ids and after: what the log gets.';

-- Who sends a batch again is answered from the log. "is true": for the bare comparison an index that begins with the room could be read,
-- all of
-- it, where a plan was made while the table was small.
create index if not exists shape_changes_batch_idx on pgcanvas.shape_changes (uuid_hash_extended(client, hashint8extended(op_id, room_id)))
  where client is not null and (ordinal = 1) is true;
comment on index pgcanvas.shape_changes_batch_idx is 'The first answer of a batch: which of the log it is.';
comment on table pgcanvas.applied_ops is
  'First answers that the log does not tell: the same client and op_id sent again gets it and changes nothing. Of a batch of which '
  'each op was applied and is a row of the log, the log tells it.';
