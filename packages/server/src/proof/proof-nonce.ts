/**
 * Nonces of this server for proofs (RFC 9449 §8, §9). Each is a time step with its MAC, so nothing is stored, and every
 * process and node accepts the nonces of the others.
 */

import { createHmac } from 'node:crypto'
import type { Seconds } from '@tessera/protocol/brand'
import type { DerivedKeys } from '../model/keys.ts'
import { equalInConstantTime } from '../runtime/constant-time.ts'
import type { Clock } from '../runtime/ports.ts'

export type ProofNonces = {
  /** Returns the nonce that clients use from now on. */
  readonly current: () => string
  /** Returns whether this server made it within the last minutes. An aging one is replaced in the response (§8.2). */
  readonly check: (nonce: string) => 'current' | 'aging' | 'invalid'
}

/** How long a nonce is the current one. */
const step: Seconds = 60
/** How many earlier nonces are accepted: for a request that follows another, and for proofs that are made ahead. */
const earlier = 4
const [stepBytes, macBytes] = [4, 16]

export function createProofNonces({
  derived,
  clock,
}: {
  readonly derived: DerivedKeys
  readonly clock: Clock
}): ProofNonces {
  const stepNow = (): number => Math.floor(clock.now() / step)

  function nonceOf(at: number): string {
    const head = Buffer.alloc(stepBytes)
    head.writeUInt32BE(at)
    const mac = createHmac('sha256', derived.asOf(at * step, 'dpop-nonce'))
      .update(head)
      .digest()
    return Buffer.concat([head, mac.subarray(0, macBytes)]).toString('base64url')
  }

  return {
    current: () => nonceOf(stepNow()),
    check(nonce) {
      const bytes = Buffer.from(nonce, 'base64url')
      if (bytes.length !== stepBytes + macBytes) return 'invalid'
      const at = bytes.readUInt32BE()
      const age = stepNow() - at
      // Another node may be slightly ahead.
      if (age < -1 || age > earlier || !equalInConstantTime(nonce, nonceOf(at))) return 'invalid'
      return age > 0 ? 'aging' : 'current'
    },
  }
}
