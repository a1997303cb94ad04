/** Plans as PostgreSQL explains them, and their problems with large tables. */

export type PlanNode = {
  readonly 'Node Type': string
  readonly 'Relation Name'?: string
  readonly 'Index Name'?: string
  readonly 'Index Cond'?: string
  readonly 'Plan Rows': number
  readonly 'Shared Hit Blocks'?: number
  readonly 'Shared Read Blocks'?: number
  readonly Plans?: readonly PlanNode[]
}

/** More rows than a statement may read from a table without a `limit`. */
const many = 1000

/** Returns what scans or sorts more than the rows that it needs. */
export function faultsOf(node: PlanNode, limited = false): readonly string[] {
  const within = limited || (node['Node Type'] === 'Limit' && node['Plan Rows'] <= many)
  return [...ownFaults(node, within), ...(node.Plans ?? []).flatMap(part => faultsOf(part, within))]
}

function ownFaults(node: PlanNode, limited: boolean): readonly string[] {
  const { 'Node Type': type, 'Relation Name': table, 'Index Name': index, 'Plan Rows': rows } = node
  if (type === 'Seq Scan') return [`reads all of ${table}`]
  if (type.includes('Sort') && rows > many) return [`sorts ${rows} rows`]
  if (!/Index (Only )?Scan$/.test(type)) return []
  if (node['Index Cond'] === undefined && !limited) return [`reads all of ${index}`]
  return rows > many && !limited ? [`reads ${rows} rows by ${index}`] : []
}

/** Returns the indexes that the plan reads, in its order, without duplicates. */
export function indexesOf(node: PlanNode): readonly string[] {
  const own = node['Index Name']
  return [...new Set([...(own ? [own] : []), ...(node.Plans ?? []).flatMap(indexesOf)])]
}
