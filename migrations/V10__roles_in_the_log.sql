-- By what right a change was made: the log names it, as it was at that moment.
alter table pgcanvas.shape_changes add column role text;
comment on column pgcanvas.shape_changes.role is 'The right by which it was made: editor or owner; null for direct SQL, and for what was logged before this was.';

-- Their parameters change; the bundle makes them anew.
drop function if exists pgcanvas.apply_ops(bigint[], uuid[], bigint[], text[], bigint[], bigint[], integer[], text[], text[], bigint[], jsonb[], bigint);
drop function if exists pgcanvas.apply_inverses(bigint, uuid, bigint, text, bigint, pgcanvas.taken_back);
drop function if exists pgcanvas.take_back_gesture(bigint, uuid, bigint, text, pgcanvas.gesture, boolean);
drop function if exists pgcanvas.move_gesture(bigint, uuid, bigint, text, boolean);
drop function if exists pgcanvas.undo_changes(bigint, uuid, bigint, text, bigint, text, box, bigint, bigint, timestamptz);
drop function if exists pgcanvas.restore_once(bigint, bigint, box, text[], text, uuid, bigint);
drop function if exists pgcanvas.restore_shapes(text, bigint, box, text[], text, uuid, bigint);
drop function if exists pgcanvas.branch_room(text, bigint, text, text);
drop type if exists pgcanvas.logged_change;
