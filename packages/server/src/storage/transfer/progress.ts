/** How far a long work is. */

type Progress = {
  readonly tenant: string | undefined
  readonly table: string
  readonly done: number
  readonly of: number
}
export type Report = (progress: Progress) => void
