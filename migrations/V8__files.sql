-- Pictures on boards: kept by what they are, once, whoever puts them there.
create table pgcanvas.files (
  sha256      text collate "C" not null,
  media_type  text not null,
  content     bytea not null,
  created_at  timestamptz not null default now(),
  constraint files_pkey primary key (sha256),
  constraint files_sha256_check check (sha256 = encode(pg_catalog.sha256(content), 'hex')),
  constraint files_media_type_check check (media_type in ('image/png', 'image/jpeg', 'image/gif', 'image/webp')),
  constraint files_content_check check (octet_length(content) between 1 and 67108864)
);
-- Pictures are compressed already: to try again would cost, and gain nothing.
alter table pgcanvas.files alter column content set storage external;

comment on table pgcanvas.files is 'Pictures that shapes name by file_id. Never changed: another content is another file.';
comment on column pgcanvas.files.sha256 is 'SHA-256 of the content, 64 lower-case hexadecimal digits.';
comment on column pgcanvas.files.media_type is 'What the content is, by its first bytes.';
comment on column pgcanvas.files.content is 'The bytes, at most 64 MiB; a node takes less.';
comment on column pgcanvas.files.created_at is 'When it was first sent.';
