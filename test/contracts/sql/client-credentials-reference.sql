with input as materialized (
  select * from unnest(
    $1::bigint[], $2::text[], $3::text[], $4::text[], $5::bigint[], $6::text[], $7::text[], $8::text[],
    $9::text[], $10::bigint[]
  ) with ordinality as input (
    "at", "client_id", "sub", "authorization_id", "until", "reference_tokens.hash",
    "reference_tokens.authorization_id", "reference_tokens.client_id", "reference_tokens.claims",
    "reference_tokens.expires_at", place
  )
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
  select * from valid
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
    when false then 'revoked'
    else 'already_used'
  end
from input;
