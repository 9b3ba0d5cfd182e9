"""What models cost, stage by stage."""
