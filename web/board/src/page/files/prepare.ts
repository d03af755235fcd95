/** What a node takes as it is. */
const KEPT_TYPES: ReadonlySet<string> = new Set(["image/png", "image/jpeg", "image/gif", "image/webp"]);
/** Larger than this a picture is made smaller: nobody sees more of it on a board. */
const MOST_BYTES = 4 * 1024 * 1024;
const LONGEST_SIDE = 2048;

/**
 * A picture as the node takes it: as it came if it may, else painted anew. An SVG is a program as well as a picture: it becomes a PNG. What
 * no browser can show is refused here: the component would go on with it, and others would look at nothing.
 */
export async function prepared(file: Blob): Promise<Blob> {
  const image = await decoded(file);
  if (KEPT_TYPES.has(file.type) && file.size <= MOST_BYTES) return file;
  const [width, height] = [image.naturalWidth || LONGEST_SIDE, image.naturalHeight || LONGEST_SIDE];
  // An SVG has no points of its own: more than it says looks better.
  const most = LONGEST_SIDE / Math.max(width, height);
  const scale = Math.min(file.type === "image/svg+xml" ? 2 : 1, most);
  const canvas = document.createElement("canvas");
  canvas.width = Math.max(1, Math.round(width * scale));
  canvas.height = Math.max(1, Math.round(height * scale));
  canvas.getContext("2d")?.drawImage(image, 0, 0, canvas.width, canvas.height);
  const type = file.type === "image/jpeg" ? "image/jpeg" : file.type === "image/svg+xml" ? "image/png" : "image/webp";
  const painted = await new Promise<Blob | null>((resolve) => canvas.toBlob(resolve, type, 0.9));
  if (!painted) throw new Error("This picture cannot be read.");
  return painted;
}

async function decoded(file: Blob): Promise<HTMLImageElement> {
  const image = new Image();
  image.src = URL.createObjectURL(file);
  try {
    await image.decode();
  } catch {
    throw new Error("This picture cannot be read.");
  } finally {
    URL.revokeObjectURL(image.src);
  }
  return image;
}
