/** A separate connection to the schema of the server's issuer, beside the store's. */

import pg from 'pg'
import { mainSchema } from '../../../../packages/server/src/storage/postgres/names.ts'

export async function connected<Value>(
  url: string,
  work: (client: pg.Client) => Promise<Value>,
): Promise<Value> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  try {
    await client.query(`set search_path = ${mainSchema}`)
    return await work(client)
  } finally {
    await client.end()
  }
}
