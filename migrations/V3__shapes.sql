-- What a client may set of a shape, in this order, is a type of its own: procedures populate it from JSON.
create type pgcanvas.shape_properties as (
  id text, kind text,
  x double precision, y double precision, width double precision, height double precision, angle double precision,
  points double precision[],
  index text, frame_id text, container_id text, group_ids text[], locked boolean,
  stroke_color text, background_color text, fill_style text, stroke_width double precision, stroke_style text,
  roughness double precision, opacity double precision,
  text text, font_size double precision, font_family double precision, file_id text, link text,
  props jsonb
);
comment on type pgcanvas.shape_properties is 'The properties of a shape that a client may set and that have a column.';

-- No foreign key to rooms: the trigger that stamps a row takes the room's lock and refuses a room that is not there, which a foreign
-- key would check a second time at a tenth of the row's cost; a room that goes takes its shapes with it by trigger.
-- What the values must keep to stands in pgcanvas.shape_fault, not in CHECKs: an executor reads every CHECK's tree from text anew, and
-- some thirty of them cost a statement 0.3 ms, ten times the row. The stamping trigger and apply_ops refuse what it faults.
-- One row per living shape. Absent properties are null; an explicit JSON null is kept in extra.
create table pgcanvas.shapes (
  room_id           bigint not null,
  id                text collate "C" not null,
  kind              text not null,
  x                 double precision not null default 0,
  y                 double precision not null default 0,
  width             double precision not null default 0,
  height            double precision not null default 0,
  angle             double precision not null default 0,
  points            double precision[],
  index             text collate "C",
  frame_id          text collate "C",
  container_id      text collate "C",
  group_ids         text[],
  locked            boolean,
  stroke_color      text,
  background_color  text,
  fill_style        text,
  stroke_width      double precision,
  stroke_style      text,
  roughness         double precision,
  opacity           double precision,
  text              text,
  font_size         double precision,
  font_family       double precision,
  file_id           text,
  link              text,
  props             jsonb not null default '{}',
  extra             jsonb,
  bounds            box not null,
  grid              box not null,
  version           bigint not null,
  seq               bigint not null,
  ordinal           bigint generated always as identity,
  created_by        text not null,
  updated_by        text not null,
  created_at        timestamptz not null,
  updated_at        timestamptz not null,
  constraint shapes_pkey primary key (room_id, id)
) with (fillfactor = 70);

-- On bounds snapped outward to a 512-unit grid: most moves stay in their cells, so the row can be updated in place (HOT).
create index shapes_room_id_grid_idx on pgcanvas.shapes using gist (room_id, grid);

comment on table pgcanvas.shapes is 'One row per living shape. Write it by any road: triggers stamp, log and ring.';
comment on column pgcanvas.shapes.room_id is 'The board the shape is on. Leads every key.';
comment on column pgcanvas.shapes.id is 'Name of the shape, unique in its room, chosen by its author.';
comment on column pgcanvas.shapes.kind is 'rectangle, diamond, ellipse, line, arrow, freedraw, text, image, frame, embeddable, or any other.';
comment on column pgcanvas.shapes.x is 'Left edge of the unrotated box, board units, right is positive.';
comment on column pgcanvas.shapes.y is 'Top edge of the unrotated box, board units, down is positive.';
comment on column pgcanvas.shapes.width is 'Width of the unrotated box, board units; old files have negative ones.';
comment on column pgcanvas.shapes.height is 'Height of the unrotated box, board units; old files have negative ones.';
comment on column pgcanvas.shapes.angle is 'Clockwise rotation about the centre, radians.';
comment on column pgcanvas.shapes.points is 'Line or stroke: rows of (dx, dy) or (dx, dy, pressure), relative to x, y.';
comment on column pgcanvas.shapes.index is 'Z-order: fractional index, compared by code units.';
comment on column pgcanvas.shapes.frame_id is 'The frame that holds the shape.';
comment on column pgcanvas.shapes.container_id is 'The shape that holds this text.';
comment on column pgcanvas.shapes.group_ids is 'The groups the shape is in, deepest first.';
comment on column pgcanvas.shapes.locked is 'Whether editors leave the shape alone.';
comment on column pgcanvas.shapes.stroke_color is 'Colour of the outline, as CSS writes it.';
comment on column pgcanvas.shapes.background_color is 'Colour of the inside, as CSS writes it.';
comment on column pgcanvas.shapes.fill_style is 'hachure, cross-hatch, solid, zigzag.';
comment on column pgcanvas.shapes.stroke_width is 'Width of the outline, board units; half of it lies outside the box.';
comment on column pgcanvas.shapes.stroke_style is 'solid, dashed, dotted.';
comment on column pgcanvas.shapes.roughness is 'How hand-drawn the outline looks.';
comment on column pgcanvas.shapes.opacity is 'Percent, 100 is opaque.';
comment on column pgcanvas.shapes.text is 'What a text shape says.';
comment on column pgcanvas.shapes.font_size is 'Font size, board units.';
comment on column pgcanvas.shapes.font_family is 'Excalidraw''s number of the font.';
comment on column pgcanvas.shapes.file_id is 'The file an image shows.';
comment on column pgcanvas.shapes.link is 'Where a click on the shape leads.';
comment on column pgcanvas.shapes.props is 'Everything else, verbatim: what a client keeps in props.';
comment on column pgcanvas.shapes.extra is 'Top-level properties without a column, and explicit JSON nulls; null when there are none.';
comment on column pgcanvas.shapes.bounds is 'Box around the rotated outline with its stroke; stamped by trigger.';
comment on column pgcanvas.shapes.grid is 'bounds snapped outward to multiples of 512: what the spatial index holds; stamped by trigger.';
comment on column pgcanvas.shapes.version is 'Counts the changes of this shape from 1; stamped by trigger.';
comment on column pgcanvas.shapes.seq is 'Seq of the batch that changed the shape last; stamped by trigger.';
comment on column pgcanvas.shapes.ordinal is 'Rises with creation: the order in which shapes came to be.';
comment on column pgcanvas.shapes.created_by is 'Who created the shape.';
comment on column pgcanvas.shapes.updated_by is 'Who changed the shape last.';
comment on column pgcanvas.shapes.created_at is 'When the shape was created.';
comment on column pgcanvas.shapes.updated_at is 'When the shape was changed last.';
comment on index pgcanvas.shapes_room_id_grid_idx is 'Viewport queries: which shapes of a room may touch a box.';
