with input as materialized (
  select * from unnest(
    $1::bigint[], $2::text[], $3::text[], $4::text[], $5::bigint[], $6::text[], $7::bigint[], $8::bigint[],
    $9::text[], $10::text[], $11::text[], $12::text[], $13::text[], $14::bigint[]
  ) with ordinality as input (
    "at", "client_id", "sub", "authorization_id", "until", "family", "generation", "idle_until", "cnf",
    "reference_tokens.hash", "reference_tokens.authorization_id", "reference_tokens.client_id",
    "reference_tokens.claims", "reference_tokens.expires_at", place
  ) order by family collate "C"
), valid as materialized (
  select input.* from input
  where coalesce(
      (select stands from standing where kind = 'client' and id = input.client_id),
      (select stands from standing where kind = 'stored_client' and id = input.client_id),
      case when left(input.client_id, 8) in ('https://', 'sealed1.') then 1 end) = 1
    and coalesce(
      (select case when stands = 1 or (select stands from standing where kind = 'inactive_user' and id = input.sub) = 1
          then stands else coalesce((select stands from standing where kind = 'stored_user' and id = input.sub), stands) end
        from standing where kind = 'user' and id = input.sub),
      (select stands from standing where kind = 'stored_user' and id = input.sub), 1) = 1
    and (authorization_id is null or (
      select true from authorizations
      where id = input.authorization_id and revoked_at is null and expires_at > input.at))
), consumed as (
  update families
  set generation = families.generation + 1, idle_expires_at = valid.idle_until,
    cnf = coalesce(families.cnf, valid.cnf), rotated_at = valid.at + floor(extract(epoch from clock_timestamp() - statement_timestamp()))::bigint
  from valid
  where families.id = valid.family and families.generation = valid.generation
    and families.expires_at > valid.at and families.idle_expires_at > valid.at
  returning valid.*
), "referenceToken" as (
  insert into reference_tokens (
    hash, authorization_id, client_id, claims, expires_at
  ) select
    "reference_tokens.hash", "reference_tokens.authorization_id", "reference_tokens.client_id",
    "reference_tokens.claims", "reference_tokens.expires_at"
  from consumed
), authorization_extended as (
  update authorizations set expires_at = consumed.until
  from consumed
  where authorizations.id = consumed.authorization_id and authorizations.expires_at < consumed.until
)
select place, case
    when place not in (select place from valid) then 'revoked'
    when place in (select place from consumed) then 'committed'
    when (select true from families
      where id = input.family and families.expires_at > input.at and families.idle_expires_at > input.at) is null then 'revoked'
    else 'already_used'
  end
from input;
