/** A separate process that issues and redeems codes, each with a proof, until it is killed, and prints what was acknowledged. */

import { openNamed } from './open.ts'
import { print } from './print.ts'
import { day, issuedCode, newHash, now, sampleCommit, sampleFamily } from './samples.ts'

const stores = await openNamed()

async function write(): Promise<never> {
  for (;;) {
    const { authorization, code } = await issuedCode(stores)
    print('issued', code.hash)
    const family = sampleFamily(authorization)
    const use = { kind: 'authorization_code', hash: code.hash } as const
    const proof = { hash: newHash(), expires_at: now + day }
    print('redeeming', code.hash, family.id, proof.hash)
    const outcome = await stores.commit(
      sampleCommit({
        authorization: { id: authorization.id, until: now },
        use,
        proof,
        issue: { family },
      }),
    )
    print(outcome, code.hash)
  }
}

await Promise.all(Array.from({ length: 32 }, write))
