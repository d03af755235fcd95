-- Pictures, by the SHA-256 of their content.

create or replace function pgcanvas.put_file(p_sha256 text, p_media_type text, p_content bytea)
  returns boolean language plpgsql volatile security definer set search_path = pgcanvas, pg_catalog, pg_temp as $$
declare
  v_is_new boolean;
begin
  if p_sha256 is distinct from encode(pg_catalog.sha256(p_content), 'hex') then
    raise exception 'sha256: the content has another' using errcode = 'WB001';
  end if;
  loop
    insert into files (sha256, media_type, content) values (p_sha256, p_media_type, p_content)
      on conflict on constraint files_pkey do nothing;
    v_is_new := found;
    exit when v_is_new;
    -- Whoever sends it is about to draw it.
    update files f set unnamed_since = null where f.sha256 = p_sha256 and f.unnamed_since is not null;
    perform from files f where f.sha256 = p_sha256 for key share;
    exit when found;  -- else it was removed in this moment
  end loop;
  return v_is_new;
end $$;
comment on function pgcanvas.put_file is
  'Keeps a file unless it is kept already; tells whether it was new. WB001: the content is not what the name says.';

create or replace function pgcanvas.read_file(p_sha256 text, p_from integer default 0, p_bytes integer default null)
  returns table (media_type text, content bytea, total integer)
  language sql stable security definer set search_path = pgcanvas, pg_catalog, pg_temp as $$
  select f.media_type, case when p_bytes is null then f.content else substr(f.content, p_from + 1, p_bytes) end, octet_length(f.content)
  from files f where f.sha256 = p_sha256
$$;
comment on function pgcanvas.read_file is
  'A file by the SHA-256 of its content, or so many bytes of it from a place on, and how many it has; no row when there is none.';
