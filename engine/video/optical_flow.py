"""Optical flow between two frames, and the few picture operations around it: the only module that imports OpenCV.

A flow `h w 2` holds, for each pixel of one frame, how many pixels right and down its content lies in another frame.
"""

from __future__ import annotations
