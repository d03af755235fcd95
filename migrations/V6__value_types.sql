-- What single values must keep to moves from CHECKs into types: a CHECK is parsed from text and evaluated by every statement that touches
-- its table, and each batch moves rooms.last_seq; a type is asked only when its own column is given a value.
-- The views name these columns; the bundle makes them anew.
do $$
declare
  v_view regclass;
begin
  for v_view in select c.oid from pg_class c where c.relnamespace = 'pgcanvas'::regnamespace and c.relkind = 'v' loop
    execute 'drop view ' || v_view || ' cascade';
  end loop;
end $$;
update pgcanvas.meta set bundle_hash = '';

create domain pgcanvas.slug as text collate "C" constraint slug_check check (value ~ '^[A-Za-z0-9_-]{1,64}$');
create domain pgcanvas.policy as text constraint policy_check check (value in ('merge', 'strict', 'offset'));
create domain pgcanvas.visibility as text constraint visibility_check check (value in ('open', 'private'));
create domain pgcanvas.object as jsonb constraint object_check check (jsonb_typeof(value) = 'object');
create domain pgcanvas.verb as text constraint verb_check check (value in ('put', 'patch', 'append', 'delete'));
create domain pgcanvas.op_id as bigint constraint op_id_check check (value between 1 and 9007199254740991);

comment on domain pgcanvas.slug is 'Name of a room in addresses: 1 to 64 letters, digits, _ and -.';
comment on domain pgcanvas.policy is 'How concurrent changes of one shape are settled.';
comment on domain pgcanvas.visibility is 'Who sees a room listed.';
comment on domain pgcanvas.object is 'A JSON object.';
comment on domain pgcanvas.verb is 'What a change does.';
comment on domain pgcanvas.op_id is 'A client''s own counter: from 1, exact in every JSON reader.';

alter table pgcanvas.rooms
  drop constraint rooms_slug_check, drop constraint rooms_number_slug_check, drop constraint rooms_policy_check,
  drop constraint rooms_visibility_check, drop constraint rooms_app_state_check,
  alter column slug type pgcanvas.slug, alter column policy type pgcanvas.policy,
  alter column visibility type pgcanvas.visibility, alter column app_state type pgcanvas.object;
alter table pgcanvas.shape_changes drop constraint shape_changes_op_check, alter column op type pgcanvas.verb;
alter table pgcanvas.applied_ops drop constraint applied_ops_op_id_check, alter column op_id type pgcanvas.op_id;
