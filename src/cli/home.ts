/** Where the user's own files are. */
import { homedir } from "node:os";

/**
 * The user's home, or undefined: os.homedir throws where HOME is unset and the system does not know the user, as in containers
 * that run under a number of their own.
 */
export function homeFolder(env: NodeJS.ProcessEnv = process.env, find: () => string = homedir): string | undefined {
  try {
    return env.HOME || find() || undefined;
  } catch {
    return undefined;
  }
}
