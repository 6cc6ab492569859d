import { architectures } from '../features/releases/columns.ts'
import { covers, topics } from './topics.ts'

/**
 * The application whose latest versions a filter is for: one named by its id, for an architecture or for all. Whoever knows
 * the id may ask over HTTP, and so may subscribe; who does not is not to learn which applications there are.
 */
export function applicationIn(filter: string) {
  const [first, app = '', level = ''] = filter.split('/')
  if (first !== 'applications' || /^[+#]?$/.test(app)) return undefined
  const known = ['+', '#', ...architectures].includes(level)
  return known && architectures.some((architecture) => covers(filter, topics.latestVersion.of({ app, architecture })))
    ? app
    : undefined
}
