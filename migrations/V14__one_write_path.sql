-- One way in for nodes: apply_batches. What stood for the ways before goes; the bundle makes what is used.
drop function if exists pgcanvas.apply_op(bigint, uuid, bigint, text, bigint, text, text, text, jsonb, pgcanvas.shape_properties);
drop function if exists pgcanvas.apply_plain(bigint[], uuid[], bigint[], text[], bigint[], text[], integer[], boolean[], pgcanvas.shape_properties[], jsonb[]);
drop function if exists pgcanvas.move_plainly(bigint[], bigint[], uuid[], bigint[], text[], bigint[], text[], integer[], boolean[],
  pgcanvas.shape_properties[], jsonb[]);
drop function if exists pgcanvas.change_plainly(bigint[], bigint[], uuid[], bigint[], text[], bigint[], text[], integer[],
  pgcanvas.shape_properties[], bigint[]);
drop function if exists pgcanvas.create_plainly(bigint[], bigint[], uuid[], bigint[], text[], bigint[], text[], integer[],
  pgcanvas.shape_properties[], jsonb[], bigint[]);
drop function if exists pgcanvas.only_moves(pgcanvas.shapes, boolean, pgcanvas.shape_properties);
drop type if exists pgcanvas.numbered_changes;

-- What an op of a client changed is logged as it was said; what was there before is worked out from the log when it is asked for.
comment on column pgcanvas.shape_changes.before is
  'What undoes a change of direct SQL: for patch {set, unset}, for append {length}, for delete the shape; null for put, and for what clients do: pgcanvas.change_before tells it.';
