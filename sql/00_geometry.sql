-- Where a shape is. Equal to model::geometry in the nodes; a property test holds the two together.

create or replace function pgcanvas.points_extent(p_points double precision[])
  returns box language plpgsql immutable strict parallel safe set search_path = pg_catalog, pg_temp as $$
declare
  v_least double precision;
  v_most double precision;
  v_known bigint;
  v_extent box;
begin
  select min(v), max(v), count(v) into v_least, v_most, v_known from unnest(p_points) as v;
  if v_known < cardinality(p_points) or v_least < -1e9 or v_most > 1e9 then
    raise exception 'points: every number must be finite and at most 1e9' using errcode = 'WB001';
  end if;
  select box(point(min(p_points[i][1]), min(p_points[i][2])), point(max(p_points[i][1]), max(p_points[i][2])))
    into v_extent from generate_subscripts(p_points, 1) as i;
  return v_extent;
end $$;
comment on function pgcanvas.points_extent is 'Box around points, relative to the shape''s x, y. Refuses null, NaN and numbers over 1e9.';

create or replace function pgcanvas.rotated_extent(p_points double precision[], p_cx double precision, p_cy double precision,
  p_angle double precision)
  returns box language sql immutable strict parallel safe
return (
  select box(point(min(r.x), min(r.y)), point(max(r.x), max(r.y)))
  from generate_subscripts(p_points, 1) as i
  cross join lateral (select
    p_cx + (p_points[i][1] - p_cx) * cos(p_angle) - (p_points[i][2] - p_cy) * sin(p_angle) as x,
    p_cy + (p_points[i][1] - p_cx) * sin(p_angle) + (p_points[i][2] - p_cy) * cos(p_angle) as y) as r);
comment on function pgcanvas.rotated_extent is 'Box around points turned clockwise about a centre.';

create or replace function pgcanvas.outline(p_kind text, p_x double precision, p_y double precision, p_width double precision,
  p_height double precision)
  returns double precision[] language sql immutable parallel safe
return case when p_kind = 'diamond'
  then array[array[p_x + p_width / 2, p_y], array[p_x + p_width, p_y + p_height / 2],
             array[p_x + p_width / 2, p_y + p_height], array[p_x, p_y + p_height / 2]]
  else array[array[p_x, p_y], array[p_x + p_width, p_y], array[p_x + p_width, p_y + p_height], array[p_x, p_y + p_height]] end;
comment on function pgcanvas.outline is 'The four points that bound a boxed shape before rotation.';

create or replace function pgcanvas.ellipse_extent(p_cx double precision, p_cy double precision, p_rx double precision,
  p_ry double precision, p_angle double precision)
  returns box language sql immutable strict parallel safe
return (
  select box(point(p_cx - e.x, p_cy - e.y), point(p_cx + e.x, p_cy + e.y))
  from (select sqrt((p_rx * cos(p_angle)) ^ 2 + (p_ry * sin(p_angle)) ^ 2) as x,
               sqrt((p_rx * sin(p_angle)) ^ 2 + (p_ry * cos(p_angle)) ^ 2) as y) as e);
comment on function pgcanvas.ellipse_extent is 'Box around a rotated ellipse, exact.';

create or replace function pgcanvas.stroke_extent(p_x double precision, p_y double precision, p_angle double precision,
  p_points double precision[])
  returns box language plpgsql immutable parallel safe set search_path = pgcanvas, pg_catalog, pg_temp as $$
declare
  v_extent box := points_extent(p_points);
begin
  if p_angle <> 0 then
    v_extent := rotated_extent(p_points, ((v_extent[0])[0] + (v_extent[1])[0]) / 2, ((v_extent[0])[1] + (v_extent[1])[1]) / 2, p_angle);
  end if;
  return box(point(p_x + (v_extent[1])[0], p_y + (v_extent[1])[1]), point(p_x + (v_extent[0])[0], p_y + (v_extent[0])[1]));
end $$;
comment on function pgcanvas.stroke_extent is 'Box around a line or stroke, rotated about the centre of its points.';

create or replace function pgcanvas.turned_bounds(p_kind text, p_x double precision, p_y double precision, p_width double precision,
  p_height double precision, p_angle double precision, p_points double precision[], p_stroke_width double precision)
  returns box language plpgsql immutable parallel safe set search_path = pgcanvas, pg_catalog, pg_temp as $$
declare
  v_box box;
  v_grow double precision := coalesce(p_stroke_width, 0) / 2;
begin
  if cardinality(p_points) > 0 then
    v_box := stroke_extent(p_x, p_y, p_angle, p_points);
  elsif p_kind = 'ellipse' then
    v_box := ellipse_extent(p_x + p_width / 2, p_y + p_height / 2, abs(p_width) / 2, abs(p_height) / 2, p_angle);
  else
    v_box := rotated_extent(outline(p_kind, p_x, p_y, p_width, p_height), p_x + p_width / 2, p_y + p_height / 2, p_angle);
  end if;
  return box(point((v_box[1])[0] - v_grow, (v_box[1])[1] - v_grow), point((v_box[0])[0] + v_grow, (v_box[0])[1] + v_grow));
end $$;
comment on function pgcanvas.turned_bounds is 'Box around a line, a stroke or a rotated outline, with half the stroke on each side.';

create or replace function pgcanvas.shape_bounds(p_kind text, p_x double precision, p_y double precision, p_width double precision,
  p_height double precision, p_angle double precision, p_points double precision[], p_stroke_width double precision)
  returns box language sql immutable parallel safe
return case when p_angle = 0 and coalesce(cardinality(p_points), 0) = 0
  then box(point(least(p_x, p_x + p_width) - coalesce(p_stroke_width, 0) / 2, least(p_y, p_y + p_height) - coalesce(p_stroke_width, 0) / 2),
           point(greatest(p_x, p_x + p_width) + coalesce(p_stroke_width, 0) / 2,
             greatest(p_y, p_y + p_height) + coalesce(p_stroke_width, 0) / 2))
  else pgcanvas.turned_bounds(p_kind, p_x, p_y, p_width, p_height, p_angle, p_points, p_stroke_width) end;
comment on function pgcanvas.shape_bounds is
  'Box around the rotated outline with half the stroke on each side. The common case is an expression that plans take in.';

create or replace function pgcanvas.grid_box(p_bounds box)
  returns box language sql immutable strict parallel safe
return box(point(ceil((p_bounds[0])[0] / 512) * 512, ceil((p_bounds[0])[1] / 512) * 512),
           point(floor((p_bounds[1])[0] / 512) * 512, floor((p_bounds[1])[1] / 512) * 512));
comment on function pgcanvas.grid_box is 'A box snapped outward to multiples of 512.';

create or replace function pgcanvas.grid_holds(p_grid box, p_bounds box)
  returns boolean language sql immutable parallel safe
return p_grid @> p_bounds and width(p_grid) <= width(p_bounds) + 1024 and height(p_grid) <= height(p_bounds) + 1024;
comment on function pgcanvas.grid_holds is
  'Whether a grid box still does for these bounds: it encloses them, and is no wider or higher than a snapped one may be.';

create or replace function pgcanvas.grid_after(p_grid box, p_bounds box)
  returns box language sql immutable parallel safe
return case when pgcanvas.grid_holds(p_grid, p_bounds) then p_grid else pgcanvas.grid_box(p_bounds) end;
comment on function pgcanvas.grid_after is
  'The grid box of a shape that had one: it is kept while it does, so that small moves leave the spatial index alone.';
