-- Pictures, by the SHA-256 of their content.

create or replace function pgcanvas.put_file(p_sha256 text, p_media_type text, p_content bytea)
  returns boolean language plpgsql volatile security definer set search_path = pgcanvas, pg_catalog, pg_temp as $$
begin
  if p_sha256 is distinct from encode(pg_catalog.sha256(p_content), 'hex') then
    raise exception 'sha256: the content has another' using errcode = 'WB001';
  end if;
  insert into files (sha256, media_type, content) values (p_sha256, p_media_type, p_content) on conflict on constraint files_pkey do nothing;
  return found;
end $$;
comment on function pgcanvas.put_file is 'Keeps a file unless it is kept already; tells whether it was new. WB001: the content is not what the name says.';

create or replace function pgcanvas.read_file(p_sha256 text)
  returns table (media_type text, content bytea)
  language sql stable security definer set search_path = pgcanvas, pg_catalog, pg_temp as $$
  select f.media_type, f.content from files f where f.sha256 = p_sha256
$$;
comment on function pgcanvas.read_file is 'A file by the SHA-256 of its content; no row when there is none.';
