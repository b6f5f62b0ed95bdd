"""What happens in the world, tick by tick: movement, mining, inventory, crafting, tasks."""
