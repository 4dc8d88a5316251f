"""Pictures in, clips out: photos, framing, optical flow, detail, clip files. A clip here is `f h w 3` uint8 sRGB."""
